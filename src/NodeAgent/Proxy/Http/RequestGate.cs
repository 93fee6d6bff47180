using System.Buffers;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Looks at the tokens of the requests of one connection and asks policy about them, where this node decides about them and either depends on them; otherwise it lets all pass without looking. Paths are normalised here, once, for policy
/// and for the server. Policy sees the request as the server gets it: without its token, unless that is passed on, and with the claims and the client's identity that the server is told in place of what the client has sent by their names.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="observer">Hears of requests that are refused or audited.</param>
internal sealed class RequestGate(ProxiedConnection connection, IProxyObserver observer) : IRequestFields
{
    // Of each part of a request that is told of.
    private const int MostShown = 256;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly TokenRewriter _rewriter = new();
    private readonly MeshHeaders _meshHeaders = new();
    private HeaderList _fields = new();
    private RateLimitExcess? _excess; // of the request that is asked about
    private long _due;
    private IReadOnlyList<GlobalLimitRule>? _limits; // of the same request
    private IReadOnlyList<AuthorizerRule>? _authorizers; // of the request that was asked about last, and may pass otherwise

    /// <summary>Whether policy depends on requests, or their tokens are looked at: then nothing may pass that is none.</summary>
    internal bool AsksPolicy => connection.RequestRules is not null;

    /// <summary>Where responses are kept that come by the connection; null: nowhere. Only a request that has passed may be answered with one.</summary>
    internal ResponseCache? Responses => connection.Responses;

    /// <summary>Whether a request that has passed is for somebody in particular, though what its server gets need not say so: it may have had a token, or an external authorizer or rate limit service may have told who it is.</summary>
    /// <param name="request">Its head before it was asked about.</param>
    internal bool IsAuthorized(HeaderList request) =>
        request.TryGet("authorization"u8, out _) || connection.RequestRules is { } rules && (rules.Authentication is not null || rules.HasAuthorizers || rules.HasAuthorizersHeaders || rules.Limits is { HaveGlobal: true });

    /// <inheritdoc/>
    int IRequestFields.Count => _fields.Count;

    /// <summary>Takes away of an application's response what it says in the mesh's name. What comes by a tunnel the other node has cleaned, and may be of its proxy.</summary>
    /// <param name="response">The response's head.</param>
    internal void CleanResponse(HeaderList response)
    {
        if (connection.Info is { Direction: ProxyDirection.Inbound } or { Route: not OutboundRouteKind.Tunnel }) MeshHeaders.CleanResponse(response);
    }

    /// <summary>Has somebody called when policy has changed, so that requests that run are asked about anew; null: nobody.</summary>
    internal void OnChanged(Action? changed) => connection.RulesChanged = changed;

    /// <summary>When the request that was asked about last may go on, which a RateLimit delays (<see cref="BeginApproval"/>); 0: at once.</summary>
    internal long Due => _due;

    /// <summary>Asks about a request that has come. Its path is normal when this returns, if policy looks at it. Allocates nothing for one that passes.</summary>
    /// <param name="request">The request's head.</param>
    /// <returns>What it is answered with in the server's place; null: it may pass.</returns>
    internal RequestRefusal? Ask(HeaderList request)
    {
        _due = 0;
        if (connection.RequestRules is not { } rules) return null;
        VerifiedJwt? token = null;
        if (rules.Authentication is { } authentication)
        {
            JwtCheck check = Check(authentication, request, connection.Time.GetUtcNow());
            if (check.Error != JwtError.None) return Refuse(check, request);
            token = check.Token;
        }

        // In the request as it came, of which another list is made.
        if (ChangesHeads(rules) && rules.AsksAboutPath && !RequestPath.TryNormalize(request)) return RequestRefusal.BadPath;
        if (!TryDecide(rules, request, token, isCounted: true, out Decision decision)) return RequestRefusal.BadPath;
        if (token is not null) observer.OnToken(token.Claims.Issuer, JwtError.None);
        if (!decision.IsAllowed || !decision.AuditPolicies.IsEmpty) observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        if (!decision.IsAllowed) return RequestRefusal.Of(decision);
        if (_excess is not { } excess) return null;
        if (!excess.IsDelay) return Refuse(excess, request);
        _due = Now() + excess.Wait;
        observer.OnRequestDelayed(connection.Info, excess.Object);
        return null;
    }

    /// <summary>The same of a request that goes on at once, without looking at its token a second time.</summary>
    /// <param name="request">The request's head.</param>
    /// <param name="forServer">Its head as its server gets it, as <see cref="ForServer"/> has it.</param>
    internal RequestRefusal? Ask(HeaderList request, out HeaderList forServer)
    {
        RequestRefusal? refusal = Ask(request);
        forServer = refusal is null && connection.RequestRules is { } rules && ChangesHeads(rules) ? _fields : request; // policy has seen what the server gets
        return refusal;
    }

    /// <summary>Whether a request that has passed may go on, now that policy has changed.</summary>
    /// <param name="request">Its head, as it was passed on; null: it is not known any more.</param>
    internal bool MayGoOn(HeaderList? request)
    {
        if (connection.RequestRules is not { } rules) return true;
        if (!rules.AsksWhetherAllowed) return true; // who runs already is not counted again
        if (request is null) return false;
        JwtCheck check = rules.Authentication is { } authentication ? Check(authentication, request, now: null) : default;
        if (check.Error != JwtError.None || !TryDecide(rules, request, check.Token, isCounted: false, out Decision decision)) return false;
        if (!decision.IsAllowed) observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        return decision.IsAllowed;
    }

    /// <summary>A request that has passed before, as its server gets it.</summary>
    /// <param name="request">Its head as it was asked about.</param>
    /// <param name="refusal">What it is answered with now, as its token is not good any more; null: it goes on.</param>
    /// <returns>The same list where nothing is to be changed; else one that is valid until the gate is asked again.</returns>
    internal HeaderList ForServer(HeaderList request, out RequestRefusal? refusal)
    {
        refusal = null;
        if (connection.RequestRules is not { } rules || !(ChangesHeads(rules) || AsksOthers(rules))) return request;
        JwtCheck check = rules.Authentication is { } authentication ? Check(authentication, request, now: null) : default;
        if (check.Error != JwtError.None) refusal = Refuse(check, request);
        else if (AsksOthers(rules)) refusal = RefusalBeforeOthers(rules, request, check.Token);
        return HeadForServer(rules, request, check.Token);
    }

    /// <summary>Has the request wait that this was asked about just now, and that may pass otherwise, until it is on time, and has external authorizers asked about it then.</summary>
    /// <param name="forServer">Its head, as its server would get it.</param>
    /// <param name="due">When it is on time, as <see cref="Due"/> had it when its limits were asked.</param>
    /// <param name="done">Called when that is so and they have been asked, unless they have when this returns.</param>
    /// <returns>What is said; null: it need not wait, and there is nobody to ask.</returns>
    internal IRequestApproval? BeginApproval(HeaderList forServer, long due, Action<IRequestApproval> done)
    {
        IReadOnlyList<AuthorizerRule>? asked = connection.RequestRules is { HasAuthorizers: true } ? _authorizers : null;
        IReadOnlyList<GlobalLimitRule>? limits = connection.RequestRules is { Limits.HaveGlobal: true } ? _limits : null;
        TimeSpan delay = due == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling((due - Now()) / 1e6)); // a loop's timers count whole ones
        return asked is null && limits is null && delay <= TimeSpan.Zero ? null : connection.Authorizers.Begin(connection.Info, asked ?? [], limits ?? [], delay, forServer, done);
    }

    /// <summary>What a request is answered with that external authorizers were asked about, and reports it; null: it may pass.</summary>
    internal RequestRefusal? TakeRefusal(IRequestApproval approval)
    {
        if (approval.LimitRefusal is { } limited) return Refuse(limited, approval.Head);
        if (approval.Refusal is not { } refusal) return null;
        Decision decision = new(Verdict.Deny, RequestRefusal.ReasonOf(refusal), refusal.Rule.Policy, refusal.Rule.RuleIndex);
        observer.OnRequestDecided(connection.Info with { Decision = decision }, refusal.Failure is { } failure ? $"{NameOf(approval.Head)}: {failure}" : NameOf(approval.Head));
        return RequestRefusal.Of(refusal);
    }

    /// <summary>The connection that this is the gate of (<see cref="ProxyConnectionInfo.Id"/>).</summary>
    internal long Connection => connection.Info.Id;

    /// <summary>Whether they were asked for the connection that this is the gate of.</summary>
    internal bool IsFor(IRequestApproval? approval) => approval?.Connection == Connection;

    /// <summary>Removes from the trailers of a request that has passed what its server could take for claims or tokens.</summary>
    /// <param name="trailers">The trailers.</param>
    internal void Clean(HeaderList trailers)
    {
        if (connection.RequestRules is not { } rules) return;
        if (rules.Authentication is { } authentication) TokenRewriter.Clean(authentication, trailers);
        MeshHeaders.Clean(rules, trailers);
    }

    /// <inheritdoc/>
    void IRequestFields.Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        HeaderView field = _fields[index];
        name = field.Name;
        value = field.Value;
    }

    private JwtCheck Check(RequestAuthenticator authentication, HeaderList request, DateTimeOffset? now)
    {
        _fields = request;
        return authentication.Check(this, now);
    }

    private RequestRefusal Refuse(in JwtCheck check, HeaderList request)
    {
        observer.OnToken(check.Issuer, check.Error);
        PolicyReference? policy = check.Policy is { } name ? new PolicyReference(name, PolicyKind.RequestAuthentication) : null;
        observer.OnRequestDecided(connection.Info with { Decision = new Decision(Verdict.Deny, DecisionReason.TokenRefused, policy) }, $"{NameOf(request)}: {JwtErrors.Describe(check.Error)}");
        return RequestRefusal.Of(check);
    }

    // Of one that has passed before; finds who else is asked about it.
    private RequestRefusal? RefusalBeforeOthers(RequestRules rules, HeaderList request, VerifiedJwt? token) =>
        !TryDecide(rules, request, token, isCounted: false, out Decision decision) ? RequestRefusal.BadPath : decision.IsAllowed ? null : RequestRefusal.Of(decision);

    private static bool AsksOthers(RequestRules rules) => rules.HasAuthorizers || rules.Limits is { HaveGlobal: true };

    private static bool ChangesHeads(RequestRules rules) => rules.Authentication is not null || MeshHeaders.AreSet(rules);

    private HeaderList HeadForServer(RequestRules rules, HeaderList request, VerifiedJwt? token)
    {
        if (rules.Authentication is { } authentication) request = _rewriter.Rewrite(authentication, this, request, token);
        return MeshHeaders.AreSet(rules) ? _meshHeaders.Rewrite(rules, request) : request;
    }

    private bool TryDecide(RequestRules rules, HeaderList request, VerifiedJwt? token, bool isCounted, out Decision decision)
    {
        request = HeadForServer(rules, request, token);
        (_fields, _excess) = (request, null);
        ReadOnlySpan<byte> path = RequestPath.WithoutQuery(request.Path);
        if (rules.AsksAboutPath && !HttpPath.IsPlain(path)) return TryDecideByReadings(rules, request, path, token, isCounted, out decision);
        decision = Decide(rules, HeadOf(request, PathReadings.Plain(path), token), isCounted);
        return true;
    }

    private bool TryDecideByReadings(RequestRules rules, HeaderList request, ReadOnlySpan<byte> path, VerifiedJwt? token, bool isCounted, out Decision decision)
    {
        byte[] room = ArrayPool<byte>.Shared.Rent(PathReadings.RoomFor(path.Length) + request.Path.Length); // the query stands behind the path for a moment
        try
        {
            decision = default;
            if (!RequestPath.TryNormalize(request, path, room)) return false;
            PathReadings readings = PathReadings.Of(RequestPath.WithoutQuery(request.Path), room, stackalloc int[HttpPath.MostReadings]);
            decision = Decide(rules, HeadOf(request, readings, token), isCounted);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    private RequestHead HeadOf(HeaderList request, PathReadings readings, VerifiedJwt? token) => new(request.Method, readings, StreamRequestForm.HostOf(request), this, token?.Claims)
    {
        HiddenName = token is null ? null : _rewriter.HiddenHeader,
        HiddenValue = token is null ? default : _rewriter.Hidden,
    };

    // What is not allowed does not count.
    private Decision Decide(RequestRules rules, in RequestHead request, bool isCounted)
    {
        Decision decision = rules.Decide(request);
        _authorizers = rules.HasAuthorizers && decision.IsAllowed ? rules.AuthorizersOf(request) : null;
        _limits = rules.Limits is { HaveGlobal: true } global && decision.IsAllowed ? global.GlobalOf(request) : null;
        if (isCounted && decision.IsAllowed && rules.Limits is { } limits) _excess = limits.Take(request, Now(), mayDelay: limits.MayDelay && connection.HasRoomToDelay);
        return decision;
    }

    private RequestRefusal Refuse(in RateLimitExcess excess, HeaderList request)
    {
        observer.OnRequestLimited(connection.Info, excess.Object);
        if (excess.Limiter.IsNews(Now()))
        {
            Decision decision = new(Verdict.Deny, DecisionReason.RateLimited, excess.Policy, excess.RuleIndex);
            observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        }

        return RequestRefusal.Of(excess);
    }

    private RequestRefusal Refuse(LimitRefusal refusal, HeaderList request)
    {
        GlobalLimitRule rule = refusal.Rule;
        if (refusal.Failure is null || refusal.IsCrowded) observer.OnRequestLimited(connection.Info, rule.Object);
        if (rule.Limiter.IsNews(Now()))
        {
            Decision decision = new(Verdict.Deny, RequestRefusal.ReasonOf(refusal), rule.Policy, rule.RuleIndex);
            observer.OnRequestDecided(connection.Info with { Decision = decision }, refusal.Failure is { } failure ? $"{NameOf(request)}: {failure}" : NameOf(request));
        }

        return RequestRefusal.Of(refusal);
    }

    // Of the clock that all loops have in common, in nanoseconds.
    private long Now()
    {
        (long ticks, long frequency) = (connection.Time.GetTimestamp(), connection.Time.TimestampFrequency);
        return frequency == NanosecondsPerSecond ? ticks : (long)((Int128)ticks * NanosecondsPerSecond / frequency);
    }

    // Queries are left out: they are where applications have secrets. So is what would be too long to keep.
    private static string NameOf(HeaderList request) => $"{Shown(request.Method)} {Shown(StreamRequestForm.HostOf(request))} {Shown(RequestPath.WithoutQuery(request.Path))}";

    private static string Shown(ReadOnlySpan<byte> text)
    {
        string shown = Encoding.Latin1.GetString(text[..Math.Min(text.Length, MostShown)]);
        return text.Length > MostShown ? shown + "..." : shown;
    }
}
