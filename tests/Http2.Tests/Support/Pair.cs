namespace Culvert.Http2.Tests.Support;

/// <summary>A client and a server connected in memory.</summary>
internal sealed class Pair
{
    public Pair(Http2Options? client = null, Http2Options? server = null)
    {
        Client = new Endpoint(Http2Role.Client, client, handshake: false);
        Server = new Endpoint(Http2Role.Server, server, handshake: false);
        Pump();
    }

    public Endpoint Client { get; }

    public Endpoint Server { get; }

    /// <summary>Moves bytes until both are quiet.</summary>
    public void Pump()
    {
        while (Move(Client.Connection, Server.Connection, int.MaxValue) | Move(Server.Connection, Client.Connection, int.MaxValue))
        {
        }
    }

    public static bool Move(Http2Connection from, Http2Connection to, int max)
    {
        var count = Math.Min(from.PendingOutput, max);
        if (count == 0) return false;
        to.Receive(from.PeekOutput().Span[..count]);
        from.AdvanceOutput(count);
        return true;
    }
}
