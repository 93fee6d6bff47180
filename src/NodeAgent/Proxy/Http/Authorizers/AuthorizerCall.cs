using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A question to an external authorizer about one request. Belongs to its loop's thread.</summary>
internal sealed class AuthorizerCall : OwnCall
{
    private readonly RequestAuthorizers _owner;
    private readonly ExternalAuthorizer _authorizer;
    private ProxyConnectionInfo _asking;
    private readonly Action<AuthorizerAnswer> _answered;
    private readonly AuthorizerSource _source;
    private readonly HeaderList _fields = new();
    private AuthorizerPeer? _peer;
    private int _status;

    /// <summary>Makes one; its place is taken.</summary>
    /// <param name="owner">Where it runs.</param>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="asking">In whose name: a connection of the workload that the request is for.</param>
    /// <param name="head">The question's head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="answered">Hears the answer, once, unless it is given up.</param>
    internal AuthorizerCall(RequestAuthorizers owner, ExternalAuthorizer authorizer, in ProxyConnectionInfo asking, HeaderList head, byte[] body, Action<AuthorizerAnswer> answered)
        : base(owner.Loop, owner.Options, owner.Servers, authorizer.Timeout)
    {
        (_owner, _authorizer, _asking, _answered, Request) = (owner, authorizer, asking, answered, head);
        IsHeadOnly = body.Length == 0;
        _source = new AuthorizerSource(body, owner.Options.Authorizers.MaxAnswer, this);
    }

    /// <inheritdoc/>
    public override bool IsHeadOnly { get; }

    /// <inheritdoc/>
    protected override HeaderList Request { get; }

    /// <inheritdoc/>
    protected override OwnSource Source => _source;

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

        return new RequestDirection(null, null, route, route.Kind == OutboundRouteKind.Deny ? RequestRefusal.Of(route) : null, _authorizer.Protocol == ExternalAuthorizerProtocol.Grpc ? HttpKind.Http2 : HttpKind.Http1);
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
        _status = headers.Status;
        _fields.AddRange(headers);
    }

    /// <inheritdoc/>
    protected override void OnOver(CallFailure failure)
    {
        _peer?.OnOver(this);
        _owner.OnOver(this);
        if (IsGivenUp) return;
        AuthorizerAnswer answer = IsAnswered || IsHttpDenial ? Read() : AuthorizerAnswer.Failed(Describe(failure), mayAskAgain: failure is CallFailure.Unreachable or CallFailure.Broken, isOfRequest: failure is CallFailure.Malformed or CallFailure.NoRoom or CallFailure.BadAnswer);
        _owner.Observer.OnAuthorizerAsked(_authorizer.Name, answer.Failure is not null ? AuthorizerResult.Failed : answer.IsAllowed ? AuthorizerResult.Allowed : AuthorizerResult.Denied);
        _answered(answer);
    }

    // It is one from its head on, whether its body ends or not.
    private bool IsHttpDenial => _authorizer.Protocol == ExternalAuthorizerProtocol.Http && _status is >= 300 and < 500;

    private OutboundRoute Resolve() => _owner.Directory.ResolveBackend(_asking.SourceWorkload, _asking.Source, _authorizer.Service, _authorizer.Port, default);

    private IPAddress? OtherFamily()
    {
        foreach (IPAddress address in _asking.SourceWorkload!.Addresses)
        {
            if ((address.AddressFamily == AddressFamily.InterNetwork) != _asking.Source.IsIPv4) return address;
        }

        return null;
    }

    private AuthorizerAnswer Read()
    {
        AuthorizerLimits limits = _owner.Options.Authorizers;
        if (_source.IsTooLong && _authorizer.Protocol == ExternalAuthorizerProtocol.Grpc) return AuthorizerAnswer.Failed($"its answer is longer than {limits.MaxAnswer} bytes", isOfRequest: true); // it may be a denial
        if (_source.Trailers is { } trailers) _fields.AddRange(trailers);
        return _authorizer.Protocol == ExternalAuthorizerProtocol.Grpc ? GrpcCheck.Read(_status, _fields, _source.Answer, limits) : HttpCheck.Read(_authorizer, _status, _fields, _source.IsTooLong || !IsAnswered ? [] : _source.Answer, limits);
    }

    private static string Describe(CallFailure failure) => failure switch
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
