using System.Buffers;
using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// Asks policy about the requests of one connection, where this node decides about them and policy depends on them; otherwise it lets all pass without looking. Paths are normalised here, once, for policy and for the server.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="connection">The connection.</param>
/// <param name="observer">Hears of requests that are refused or audited.</param>
internal sealed class RequestGate(ProxiedConnection connection, IProxyObserver observer) : IRequestFields
{
    // Of each part of a request that is told of.
    private const int MostShown = 256;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private HeaderList _fields = new();
    private RateLimitExcess? _excess; // of the request that is asked about

    /// <summary>Whether policy depends on requests: then nothing may pass that is none.</summary>
    internal bool AsksPolicy => connection.RequestRules is not null;

    /// <inheritdoc/>
    int IRequestFields.Count => _fields.Count;

    /// <summary>Has somebody called when policy has changed, so that requests that run are asked about anew; null: nobody.</summary>
    internal void OnChanged(Action? changed) => connection.RulesChanged = changed;

    /// <summary>Asks about a request that has come. Its path is normal when this returns, if policy looks at it. Allocates nothing for one that passes.</summary>
    /// <param name="request">The request's head.</param>
    /// <returns>What it is answered with in the server's place; null: it may pass.</returns>
    internal RequestRefusal? Ask(HeaderList request)
    {
        if (connection.RequestRules is not { } rules) return null;
        if (!TryDecide(rules, request, out Decision decision)) return RequestRefusal.BadPath;
        if (!decision.IsAllowed || !decision.AuditPolicies.IsEmpty) observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        if (!decision.IsAllowed) return RequestRefusal.Of(decision);
        return _excess is { } excess ? Refuse(excess, request) : null;
    }

    /// <summary>Whether a request that has passed may go on, now that policy has changed.</summary>
    /// <param name="request">Its head, as it was passed on; null: it is not known any more.</param>
    internal bool MayGoOn(HeaderList? request)
    {
        if (connection.RequestRules is not { } rules) return true;
        if (!rules.AsksWhetherAllowed) return true; // who runs already is not counted again
        if (request is null || !TryDecide(rules, request, out Decision decision, isCounted: false)) return false;
        if (!decision.IsAllowed) observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        return decision.IsAllowed;
    }

    /// <inheritdoc/>
    void IRequestFields.Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        HeaderView field = _fields[index];
        name = field.Name;
        value = field.Value;
    }

    private bool TryDecide(RequestRules rules, HeaderList request, out Decision decision, bool isCounted = true)
    {
        (_fields, _excess) = (request, null);
        ReadOnlySpan<byte> path = RequestPath.WithoutQuery(request.Path);
        if (rules.AsksAboutPath && !HttpPath.IsPlain(path)) return TryDecideByReadings(rules, request, path, out decision, isCounted);
        decision = Decide(rules, new RequestHead(request.Method, PathReadings.Plain(path), StreamRequestForm.HostOf(request), this), isCounted);
        return true;
    }

    private bool TryDecideByReadings(RequestRules rules, HeaderList request, ReadOnlySpan<byte> path, out Decision decision, bool isCounted)
    {
        byte[] room = ArrayPool<byte>.Shared.Rent(PathReadings.RoomFor(path.Length) + request.Path.Length); // the query stands behind the path for a moment
        try
        {
            decision = default;
            if (!RequestPath.TryNormalize(request, path, room)) return false;
            PathReadings readings = PathReadings.Of(RequestPath.WithoutQuery(request.Path), room, stackalloc int[HttpPath.MostReadings]);
            decision = Decide(rules, new RequestHead(request.Method, readings, StreamRequestForm.HostOf(request), this), isCounted);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    // What is not allowed does not count.
    private Decision Decide(RequestRules rules, in RequestHead request, bool isCounted)
    {
        Decision decision = rules.Decide(request);
        if (isCounted && decision.IsAllowed && rules.Limits is { } limits) _excess = limits.Take(request, Now());
        return decision;
    }

    private RequestRefusal Refuse(in RateLimitExcess excess, HeaderList request)
    {
        observer.OnRequestLimited(connection.Info, excess.Policy);
        if (excess.Limiter.IsNews(Now()))
        {
            Decision decision = new(Verdict.Deny, DecisionReason.RateLimited, RateLimitNames.PolicyOf(excess.Policy), excess.RuleIndex);
            observer.OnRequestDecided(connection.Info with { Decision = decision }, NameOf(request));
        }

        return RequestRefusal.Of(excess);
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
