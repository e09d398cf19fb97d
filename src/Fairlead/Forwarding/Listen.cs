using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One address that is listened on. It outlives reloads that keep it, whatever they change about where its clients go.</summary>
internal abstract class Listen(string key, string text, EndPoint endPoint)
{
    private volatile Binding? binding;

    /// <summary>What makes it the same listen after a reload; another where one that was given up is wanted in other words.</summary>
    public string Key { get; set; } = key;

    /// <summary>Whether it is one that carries its forward's name, and stays with it wherever else the forward would listen.</summary>
    public bool IsInheritedByName { get; init; }

    /// <summary>The address as it is shown: escaped.</summary>
    public string Text => text;

    /// <summary>The address, with the port that the system chose where 0 was asked for.</summary>
    public EndPoint EndPoint => endPoint;

    /// <summary>Whose its clients are at present.</summary>
    public Binding Binding => binding!;

    /// <summary>Says whose its clients are from now on.</summary>
    public void Bind(Binding next)
    {
        var before = binding;
        binding = next;
        OnBound(before, next);
        before?.Replace();
    }

    /// <summary>Begins to let clients in.</summary>
    public abstract void Start();

    /// <summary>Has its socket accepted from by another network too, which <see cref="MoveTo"/> then keeps; disposing these undoes it. Null: it is that network's already.</summary>
    /// <exception cref="ListenException">It cannot be had.</exception>
    public abstract IReadOnlyList<IAcceptor>? PrepareMove(INetwork other, ListenOptions options);

    /// <summary>Moves to another network: the socket goes on listening, and nobody in its backlog is lost.</summary>
    public abstract void MoveTo(INetwork other, IReadOnlyList<IAcceptor> prepared);

    /// <summary>Lets nobody new in. Whom the kernel had already accepted is still served; sessions of datagrams need the socket, and keep it until they end.</summary>
    public abstract void Unbind();

    /// <summary>Whether it is there to be listened on; where it was unbound and is not over, that is taken back.</summary>
    public virtual bool TryKeep() => true;

    /// <summary>Completes when nothing comes of it any more; after <see cref="Unbind"/>.</summary>
    public abstract Task WhenOverAsync();

    /// <summary>Stops listening at once.</summary>
    public abstract Task AbortAsync();

    /// <summary>The address as it is shown.</summary>
    public override string ToString() => text;

    /// <summary>The binding has become another one.</summary>
    protected virtual void OnBound(Binding? before, Binding next)
    {
    }

    /// <summary>Disposes acceptors, each where it belongs.</summary>
    public static Task DisposeAsync(IReadOnlyList<IAcceptor> acceptors)
    {
        return Task.WhenAll(acceptors.Select(acceptor => acceptor.Context.RunAsync(() =>
        {
            acceptor.Dispose();
            return Task.CompletedTask;
        })));
    }
}
