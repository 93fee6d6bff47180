using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Where one request goes, or what it is answered with in a server's place.</summary>
/// <param name="Hit">The rule that has it; null where there is none, or nothing is routed any more.</param>
/// <param name="Backend">The backend of the rule that was chosen, or null.</param>
/// <param name="Route">How it goes on, where it is not answered.</param>
/// <param name="Refusal">What it is answered with; null: it goes on, or is answered by its route (<see cref="IsAnswered"/>).</param>
/// <param name="Version">By which version of HTTP it goes on; None where it does not.</param>
internal readonly record struct RequestDirection(HttpRouteHit? Hit, HttpRouteBackend? Backend, OutboundRoute Route, RequestRefusal? Refusal, HttpKind Version = HttpKind.None)
{
    // Without a word of retries in a route: of what no server has had, so often.
    private const int MostConnects = 3;

    /// <summary>Whether its route answers it: it is a preflight, or its client is told to ask elsewhere.</summary>
    internal bool IsAnswered => IsPreflight || Hit?.Rule.Filters.Redirect is not null;

    /// <summary>Whether it is a browser's question whether a page of another origin may ask, and its route answers that.</summary>
    internal bool IsPreflight { get; init; }

    /// <summary>What browsers are told whose pages may see the response; null: nothing, as its route does not allow the origin, or says nothing of origins.</summary>
    internal byte[]? AllowedOrigin { get; init; }

    /// <summary>The backends that it has been tried at before; null: none.</summary>
    internal TriedBackends? Tried { get; init; }

    /// <summary>The Service that it went to: that of its route, which is a fallback's where it went there; null: none.</summary>
    internal NamespacedName? Service => Route.Service?.Name ?? Backend?.Service;

    /// <summary>Whether it may be tried again, because no server was reached. What policy forbids may not: elsewhere it would be forbidden as well, or is not meant to be found out.</summary>
    /// <param name="failure">Why none was reached.</param>
    /// <param name="tries">How often it was tried.</param>
    internal bool MayConnectAgain(ProxyFailure failure, int tries) =>
        failure is not (ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged) && tries < Math.Max(MostConnects, 1 + (Hit?.Rule.Retry?.Attempts ?? 0));

    /// <summary>Whether it may be sent again because its server has ended the connection, or has refused it unseen, so far as that is a matter of how often.</summary>
    /// <param name="tries">How often it was tried.</param>
    internal static bool MayResend(int tries) => tries < MostConnects;

    /// <summary>Whether its route has it tried again when its server has taken too long.</summary>
    /// <param name="tries">How often it was tried.</param>
    internal bool MayTryAgain(int tries) => Hit?.Rule.Retry is { } retry && tries <= retry.Attempts;

    /// <summary>Whether its route has it tried again after a response.</summary>
    /// <param name="status">The response's status.</param>
    /// <param name="tries">How often it was tried.</param>
    internal bool MayTryAgainFor(int status, int tries) => MayTryAgain(tries) && IsFailure(status);

    /// <summary>Whether its route has requests tried again after such a response.</summary>
    /// <param name="status">The response's status.</param>
    internal bool IsFailure(int status) => Hit?.Rule.Retry?.Codes.AsSpan().Contains(status) == true;

    /// <summary>Whether there is room for one repetition more; asked last, since it counts it.</summary>
    /// <param name="observer">Hears of it if there is none.</param>
    internal bool TrySpendRetry(IRequestObserver observer)
    {
        if (Route.Requests?.Port.TryRepeat() != false) return true;
        observer.OnRetried(RetryOutcome.NoBudget);
        return false;
    }

    /// <summary>What it says of the backend that it has had no answer in time. That a client is slow, that others have used the time up, or what clients of another namespace find too long does not count, for it counts for all of them.</summary>
    /// <param name="isRequestWhole">Whether the backend has had all of the request.</param>
    /// <param name="isLateAsWhole">Whether the time was that of the request with all tries.</param>
    /// <param name="tries">How often it was tried.</param>
    internal TryOutcome OutcomeOfLate(bool isRequestWhole, bool isLateAsWhole, int tries) =>
        isRequestWhole && (!isLateAsWhole || tries == 1) && Hit?.Route.Name.Namespace == Route.Requests?.Port.Service.Namespace ? TryOutcome.Bad : TryOutcome.Unknown;

    /// <summary>How much of the time that its route gives it as a whole is left; without a limit the longest there is.</summary>
    /// <param name="elapsed">How long it has taken.</param>
    internal TimeSpan TimeLeft(TimeSpan elapsed) => Hit?.Rule.RequestTimeout is { } most ? most - elapsed : TimeSpan.MaxValue;

    /// <summary>How long is waited before it is tried again: what its route says, but not beyond its time.</summary>
    /// <param name="elapsed">How long it has taken.</param>
    internal TimeSpan Pause(TimeSpan elapsed)
    {
        TimeSpan backoff = Hit?.Rule.Retry?.Backoff ?? TimeSpan.Zero, left = TimeLeft(elapsed);
        return backoff < left ? backoff : left;
    }

    /// <summary>How long a try may take: what its route gives one, or what is left for the request; null: as long as it likes.</summary>
    /// <param name="elapsed">How long the request has taken.</param>
    /// <param name="isWhole">Whether it is what is left for the request.</param>
    /// <param name="ran">How long the try runs already.</param>
    internal TimeSpan? LimitOfTry(TimeSpan elapsed, out bool isWhole, TimeSpan ran = default)
    {
        TimeSpan left = TimeLeft(elapsed);
        TimeSpan? one = Hit?.Rule.BackendTimeout is { } most ? (most > ran ? most - ran : TimeSpan.Zero) : null;
        isWhole = one is null || left <= one;
        return !isWhole ? one : left == TimeSpan.MaxValue ? null : left;
    }
}
