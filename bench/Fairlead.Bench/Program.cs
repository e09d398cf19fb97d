using Fairlead.Bench;

// `bench/compare` builds this and starts it; everything that it measures runs on loopback.
if (!Options.TryRead(args, out var options, out var complaint))
{
    Console.Error.WriteLine(complaint);
    return 2;
}
if (options.Help)
{
    Console.Write(Options.Usage);
    return 0;
}

// Also on Ctrl-C nothing stays behind: every child is ended by its process id, and the temporary folder is removed.
using var workshop = new Workshop();
using var interrupt = workshop.EndOn(System.Runtime.InteropServices.PosixSignal.SIGINT);
using var terminate = workshop.EndOn(System.Runtime.InteropServices.PosixSignal.SIGTERM);
using var hangUp = workshop.EndOn(System.Runtime.InteropServices.PosixSignal.SIGHUP);

try
{
    var peers = Peers.Present(options, out var leftOut);
    var works = Works.Chosen(options, leftOut);
    if (works.Count == 0 || peers.Count == 0)
    {
        foreach (var reason in leftOut)
            Console.Error.WriteLine(reason);
        Console.Error.WriteLine("nothing to measure");
        return 1;
    }

    var report = new Report(options, Machine.Describe(peers, workshop), leftOut);
    report.WriteHead(Console.Out);
    foreach (var work in works)
    {
        try
        {
            var result = Rounds.Run(work, peers, options, workshop);
            report.Add(result);
            report.Write(Console.Out, result);
        }
        catch (MeasureException e)
        {
            Console.WriteLine($"\n{work.Name}: {e.Message}");
        }
    }
    if (options.Json is { } file)
        report.SaveJson(file);
    return 0;
}
catch (Exception e)
{
    // Caught, because an exception that nobody catches ends the process without the `using`s above.
    Console.Error.WriteLine(e);
    return 1;
}
