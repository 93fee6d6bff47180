using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A question about one request, to a Service that decides about it. Belongs to its loop's thread.</summary>
internal abstract class AskingCall : OwnCall
{
    private readonly RequestAuthorizers _owner;
    private readonly NamespacedName _service;
    private readonly ushort _port;
    private readonly HttpKind _version;
    private readonly AuthorizerSource _source;
    private ProxyConnectionInfo _asking;
    private AuthorizerPeer? _peer;

    /// <summary>Makes one; its place is taken.</summary>
    /// <param name="owner">Where it runs.</param>
    /// <param name="service">Who is asked: the Service.</param>
    /// <param name="port">Its port.</param>
    /// <param name="version">What it speaks.</param>
    /// <param name="timeout">How long an answer may take.</param>
    /// <param name="asking">In whose name: a connection of the workload that the request is for.</param>
    /// <param name="head">The question's head.</param>
    /// <param name="body">Its body.</param>
    protected AskingCall(RequestAuthorizers owner, NamespacedName service, ushort port, HttpKind version, TimeSpan timeout, in ProxyConnectionInfo asking, HeaderList head, byte[] body)
        : base(owner.Loop, owner.Options, owner.Servers, timeout)
    {
        (_owner, _service, _port, _version, _asking, Request) = (owner, service, port, version, asking, head);
        IsHeadOnly = body.Length == 0;
        _source = new AuthorizerSource(body, owner.Options.Authorizers.MaxAnswer, this);
    }

    /// <inheritdoc/>
    public sealed override bool IsHeadOnly { get; }

    /// <inheritdoc/>
    protected sealed override HeaderList Request { get; }

    /// <inheritdoc/>
    protected override OwnSource Source => _source;

    /// <summary>The status of the answer; 0: none has come.</summary>
    protected int Status { get; private set; }

    /// <summary>The fields of its head, and of its trailers once it is over.</summary>
    protected HeaderList Fields { get; } = new();

    /// <summary>What has come of its body.</summary>
    protected ReadOnlySpan<byte> AnswerBody => _source.Answer;

    /// <summary>Whether that is not all, as there was too much.</summary>
    protected bool IsTooLong => _source.IsTooLong;

    /// <summary>Whether nobody waits for the answer any more.</summary>
    internal bool IsGivenUp { get; private set; }

    /// <summary>The namespace of the workload in whose name it asks.</summary>
    internal string Namespace => _asking.SourceWorkload!.Name.Namespace;

    /// <summary>Nobody waits for the answer any more. A question that has been sent runs on, and keeps its place: reset ones would have the authorizer end a connection that others' questions go by, too.</summary>
    internal void GiveUp()
    {
        IsGivenUp = true;
        if (!IsSent) Finish(CallFailure.Broken);
    }

    /// <inheritdoc/>
    protected override RequestDirection Find()
    {
        OutboundRoute route = Resolve();
        if (route.Kind == OutboundRouteKind.Deny && OtherFamily() is { } other)
        {
            // The authorizer need not have addresses of the family that the request came by.
            _asking = _asking with { Source = new SocketEndPoint(other, 0) };
            route = Resolve();
        }

        return new RequestDirection(null, null, route, route.Kind == OutboundRouteKind.Deny ? RequestRefusal.Of(route) : null, _version);
    }

    /// <inheritdoc/>
    protected override ProxyConnectionInfo ClientFor(in OutboundRoute route) => _asking with { Destination = route.Target };

    /// <inheritdoc/>
    protected override Http2Server FindHttp2(in OutboundRoute route)
    {
        _peer = _owner.FindPeer(ClientFor(route), route);
        return _peer.Find(this, route);
    }

    /// <inheritdoc/>
    protected override void OnResponse(HeaderList headers)
    {
        Status = headers.Status;
        Fields.AddRange(headers);
    }

    /// <inheritdoc/>
    protected override void OnOver(CallFailure failure)
    {
        _peer?.OnOver(this);
        _owner.OnOver(this);
        if (IsGivenUp) return;
        if (_source.Trailers is { } trailers) Fields.AddRange(trailers);
        OnEnded(failure);
    }

    /// <summary>It is over, and somebody waits for the answer.</summary>
    /// <param name="failure">What has ended it; without a meaning where it is answered.</param>
    protected abstract void OnEnded(CallFailure failure);

    private OutboundRoute Resolve() => _owner.Directory.ResolveBackend(_asking.SourceWorkload, _asking.Source, _service, _port, default);

    private IPAddress? OtherFamily()
    {
        foreach (IPAddress address in _asking.SourceWorkload!.Addresses)
        {
            if ((address.AddressFamily == AddressFamily.InterNetwork) != _asking.Source.IsIPv4) return address;
        }

        return null;
    }

    /// <summary>Why there is no answer, in words.</summary>
    protected static string Describe(CallFailure failure) => failure switch
    {
        CallFailure.Refused => "policy does not allow to ask it",
        CallFailure.Malformed => "the request makes no question that it could be sent",
        CallFailure.BadAnswer => "its answer is none, or too long",
        CallFailure.Unreachable => "it was not reached",
        CallFailure.NoRoom => "too many questions to it wait",
        CallFailure.TooSlow => "it did not answer in time",
        _ => "it broke the connection off before it had answered",
    };
}
