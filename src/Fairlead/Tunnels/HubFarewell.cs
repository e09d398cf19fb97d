using System.Text;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Says to somebody who wants a shell or a command that there is none, and how to come without.</summary>
internal sealed class HubFarewell(SshChannel channel)
{
    private static readonly byte[] text = Encoding.ASCII.GetBytes("This server forwards ports; it has no shell and runs nothing. Connect with: ssh -N\r\n");

    private bool isSaid;

    public void Begin()
    {
        channel.OnRequest = OnRequest;
        _ = DropAsync();
    }

    // What is typed is for nobody, and takes no memory.
    private async Task DropAsync()
    {
        var dropped = new byte[1024];
        try
        {
            while (await channel.ReadAsync(dropped) > 0)
            {
            }
        }
        catch (ConnectionException)
        {
            // That was the end of it.
        }
    }

    private bool OnRequest(string type, byte[] rest)
    {
        switch (type)
        {
            // Asked for before a shell, and harmless.
            case "pty-req" or "env":
                return true;
            // RFC 4254 section 6.5: one of these on a channel.
            case "shell" or "exec" or "subsystem" when !isSaid:
                isSaid = true;
                _ = SayAsync();
                return true;
            default:
                return false;
        }
    }

    private async Task SayAsync()
    {
        try
        {
            // Behind the answer to the request.
            await Task.Yield();
            await channel.WriteAsync(text);
            channel.SendRequest("exit-status", static writer => writer.WriteUInt32(1));
            channel.Dispose();
        }
        catch (ConnectionException)
        {
            // Who has gone need not be told.
        }
    }
}
