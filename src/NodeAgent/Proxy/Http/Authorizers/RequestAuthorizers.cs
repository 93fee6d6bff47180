using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Asks external authorizers and rate limit services about the requests of one loop, each in the name of the workload that the request is for. Belongs to its loop's thread.</summary>
internal sealed class RequestAuthorizers : IRequestAuthorizers
{
    private readonly RequestDialer _dialer;
    private readonly TimeProvider _time;
    private readonly Dictionary<ServerKey, AuthorizerPeer> _peers = [];
    private readonly NamespacePlaces _places;

    /// <summary>Makes one.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="options">Limits.</param>
    /// <param name="directory">Addresses.</param>
    /// <param name="dialer">Makes connections.</param>
    /// <param name="servers">Connections to authorizers of HTTP/1.1.</param>
    /// <param name="observer">Hears of questions, and of the connections that they go by.</param>
    /// <param name="time">The clock.</param>
    internal RequestAuthorizers(EventLoop loop, HttpOptions options, IProxyDirectory directory, RequestDialer dialer, Http1Servers servers, IProxyObserver observer, TimeProvider time)
    {
        (Loop, Options, Directory, _dialer, Servers, Observer, _time) = (loop, options, directory, dialer, servers, observer, time);
        _places = new NamespacePlaces(options.Authorizers.MaxRunning, options.Authorizers.MaxRunningOfNamespace);
        Quotas = new LimitQuotas(options.Authorizers, time);
        Delayed = new NamespacePlaces(options.Authorizers.MaxDelayed, options.Authorizers.MaxDelayedOfNamespace);
    }

    internal EventLoop Loop { get; }

    /// <summary>Places of requests that wait until they are on time.</summary>
    internal NamespacePlaces Delayed { get; }

    /// <summary>Answers of rate limit services that hold for further questions.</summary>
    internal LimitQuotas Quotas { get; }

    internal HttpOptions Options { get; }

    internal IProxyDirectory Directory { get; }

    internal Http1Servers Servers { get; }

    internal IProxyObserver Observer { get; }

    /// <inheritdoc/>
    public bool HasRoomToDelay(in ProxyConnectionInfo connection) => Delayed.HasRoom(NamespaceOf(connection));

    /// <inheritdoc/>
    public IRequestApproval Begin(in ProxyConnectionInfo connection, IReadOnlyList<AuthorizerRule> asked, IReadOnlyList<GlobalLimitRule> limits, TimeSpan delay, HeaderList request, Action<IRequestApproval> done)
    {
        RequestApproval approval = new(this, connection, asked, limits, request, done);
        approval.Begin(delay);
        return approval;
    }

    /// <summary>Sends a question.</summary>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="left">How long the answer may take.</param>
    /// <param name="request">The request.</param>
    /// <param name="answered">Hears the answer, later than this returns.</param>
    /// <returns>Null: there are too many on their way.</returns>
    internal AuthorizerCall? TryAsk(in ProxyConnectionInfo connection, ExternalAuthorizer authorizer, TimeSpan left, HeaderList request, Action<AuthorizerAnswer> answered)
    {
        if (connection.DestinationWorkload is not { } workload || !_places.HasRoom(workload.Name.Namespace)) return null;
        HeaderList head = new();
        byte[] body = [];
        if (authorizer.Protocol == ExternalAuthorizerProtocol.Grpc) body = GrpcCheck.Compose(authorizer, connection, request, _time.GetUtcNow(), head);
        else HttpCheck.Compose(authorizer, request, head);
        _places.Take(workload.Name.Namespace);
        AuthorizerCall call = new(this, authorizer, left, Asking(connection, workload), head, body, answered);
        _ = call.RunAsync();
        return call;
    }

    /// <summary>Sends a question to a rate limit service, if there is something to ask that no quota answers.</summary>
    /// <param name="connection">The connection that the request goes by.</param>
    /// <param name="limit">Who is asked.</param>
    /// <param name="left">How long the answer may take.</param>
    /// <param name="request">The request.</param>
    /// <param name="answered">Hears the answer, later than this returns.</param>
    internal LimitQuestion Ask(in ProxyConnectionInfo connection, GlobalRateLimit limit, TimeSpan left, HeaderList request, Action<LimitAnswer> answered)
    {
        HeaderList head = new();
        if (GrpcLimit.Compose(limit, connection, request, head) is not { } body) return default;
        if (connection.DestinationWorkload is not { } workload) return new LimitQuestion(IsCrowded: true);
        UInt128 key = LimitQuotas.KeyOf(limit.Service, limit.Port, workload, body);
        if (Quotas.TryUse(key) is { } known) return new LimitQuestion(Known: known);
        if (!_places.TryTake(workload.Name.Namespace)) return new LimitQuestion(IsCrowded: true);
        LimitCall call = new(this, limit, left, Asking(connection, workload), head, body, key, answered);
        _ = call.RunAsync();
        return new LimitQuestion(call);
    }

    /// <summary>The connections to a backend.</summary>
    /// <param name="client">In whose name it is asked.</param>
    /// <param name="route">The way there.</param>
    internal AuthorizerPeer FindPeer(in ProxyConnectionInfo client, in OutboundRoute route)
    {
        ServerKey key = ServerKey.Of(client, route);
        if (_peers.TryGetValue(key, out AuthorizerPeer? known)) return known;
        AuthorizerPeer made = new(this, key, client);
        _peers.Add(key, made);
        return made;
    }

    /// <summary>One has no connection any more.</summary>
    internal void Forget(AuthorizerPeer peer)
    {
        if (_peers.TryGetValue(peer.Key, out AuthorizerPeer? known) && known == peer) _peers.Remove(peer.Key);
    }

    /// <summary>A question is over.</summary>
    internal void OnOver(AskingCall call) => _places.GiveBack(call.Namespace);

    /// <summary>Whose places a request takes that goes by a connection; empty: it is for no workload of this node.</summary>
    internal static string NamespaceOf(in ProxyConnectionInfo connection) => connection.DestinationWorkload?.Name.Namespace ?? "";

    private static ProxyConnectionInfo Asking(in ProxyConnectionInfo connection, WorkloadInfo workload) => new()
    {
        Direction = ProxyDirection.Outbound,
        Source = connection.Target.WithPort(0),
        SourceWorkload = workload,
        SourceIdentity = workload.Identity,
        SourceSpace = connection.DestinationSpace,
    };

    /// <summary>Makes connections of HTTP/2.</summary>
    internal Http2ServersOfClient MakeHttp2Servers(IHttp2ServerUser user, in ProxyConnectionInfo client) => new(user, client, _dialer, Observer, Loop, Options, _time);
}
