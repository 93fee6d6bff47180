using Culvert.Http1;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A connection to a server of HTTP/1.1, by which requests go one after the other: those of one client, or of whoever uses it just then. Belongs to its loop's thread.</summary>
internal sealed class Http1Server : IHttpSideUser, ITransportUser
{
    /// <summary>Takes a transport over.</summary>
    /// <param name="transport">The server.</param>
    /// <param name="owner">Whose account bytes are on that come from it, or wait for it.</param>
    /// <param name="gate">Asks policy about requests that go by it.</param>
    /// <param name="requests">Hears of them.</param>
    /// <param name="limits">What heads may have.</param>
    /// <param name="user">Who uses it first.</param>
    internal Http1Server(ITransport transport, in BudgetHolder owner, RequestGate gate, IRequestObserver requests, Http1Limits limits, IHttp1ServerUser user)
    {
        (Gate, Requests, User) = (gate, requests, user);
        Side = new HttpSide(transport, owner, this);
        Responses = new Http1HeadInput(Side, limits);
    }

    /// <summary>The connection.</summary>
    internal HttpSide Side { get; }

    /// <summary>Reads heads of responses.</summary>
    internal Http1HeadInput Responses { get; }

    /// <summary>Asks policy about requests that go by it.</summary>
    internal RequestGate Gate { get; }

    /// <summary>Hears of requests that go by it.</summary>
    internal IRequestObserver Requests { get; }

    /// <summary>Who uses it: hears of what happens at it.</summary>
    internal IHttp1ServerUser User { get; set; }

    /// <summary>Whether it has answered a request: servers end such connections when they like.</summary>
    internal bool IsUsed { get; set; }

    /// <summary>Begins to hear of what happens.</summary>
    internal void Begin() => Side.Transport.User = this;

    /// <inheritdoc/>
    public void Advance() => User.Advance();

    /// <inheritdoc/>
    public void GiveUp() => User.GiveUp();

    /// <inheritdoc/>
    int ITransportUser.OnReceived(ITransport transport, ReadOnlySpan<byte> data) => 0;

    /// <inheritdoc/>
    void ITransportUser.OnReceivable(ITransport transport)
    {
        // Whoever waits for it has been told.
    }

    /// <inheritdoc/>
    void ITransportUser.OnBroken(ITransport transport) => User.OnServerBroken();
}
