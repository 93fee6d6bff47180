using System.Text;
using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Answers of rate limit services that hold for further questions, too, as a quota says: so many that are the same, until a time. Belongs to its loop's thread.</summary>
/// <param name="limits">How many are kept.</param>
/// <param name="time">The clock.</param>
internal sealed class LimitQuotas(AuthorizerLimits limits, TimeProvider time)
{
    // Of what a client is told that is one too many. With more of it the service is asked each time.
    private const int MostOfBody = 512;

    // To look for those whose time is over takes some microseconds.
    private static readonly TimeSpan BetweenSweeps = TimeSpan.FromSeconds(1);

    private readonly Dictionary<UInt128, Kept> _kept = [];
    private readonly NamespacePlaces _places = new(limits.MaxQuotas, limits.MaxQuotasOfNamespace);
    private long? _sweptAt;

    /// <summary>How many are kept.</summary>
    internal int Count => _kept.Count;

    /// <summary>What stands for a question: descriptors may have secrets, and those of others must not be used up.</summary>
    /// <param name="service">Who is asked.</param>
    /// <param name="port">The Service's port.</param>
    /// <param name="workload">The workload that the request is for.</param>
    /// <param name="question">The question's body.</param>
    internal static UInt128 KeyOf(NamespacedName service, ushort port, WorkloadInfo workload, ReadOnlySpan<byte> question)
    {
        UInt128 asked = RateLimiter.KeyOf(question);
        return RateLimiter.KeyOf(Encoding.UTF8.GetBytes($"{service} {port} {workload.Uid} {asked:x32}"));
    }

    /// <summary>Uses one of a quota.</summary>
    /// <param name="key">The question.</param>
    /// <returns>What holds for the request; null: there is no quota, or none any more.</returns>
    internal LimitAnswer? TryUse(UInt128 key)
    {
        if (!_kept.TryGetValue(key, out Kept? kept)) return null;
        if (!IsOver(kept))
        {
            kept.Left--;
            return kept.Answer;
        }

        Remove(key, kept);
        return null;
    }

    /// <summary>Keeps an answer, in the place of an earlier one; where there is no room it is not kept, and the service asked each time.</summary>
    /// <param name="key">The question.</param>
    /// <param name="ns">Whose place it takes.</param>
    /// <param name="answer">The answer, which has a quota.</param>
    internal void Keep(UInt128 key, string ns, LimitAnswer answer)
    {
        if (_kept.TryGetValue(key, out Kept? before)) Remove(key, before);
        if (answer.Denied is { Body.Length: > MostOfBody } || answer.Quota is not { } quota || quota.Until - time.GetUtcNow() is var left && left <= TimeSpan.Zero) return;
        if (!_places.HasRoom(ns)) Sweep();
        if (_places.TryTake(ns)) _kept.Add(key, new Kept(ns, answer, time.GetTimestamp(), left < limits.LongestQuota ? left : limits.LongestQuota) { Left = quota.Requests });
    }

    private bool IsOver(Kept kept) => kept.Left == 0 || time.GetElapsedTime(kept.Since) >= kept.Time;

    private void Sweep()
    {
        if (_sweptAt is { } before && time.GetElapsedTime(before) < BetweenSweeps) return;
        _sweptAt = time.GetTimestamp();
        foreach ((UInt128 key, Kept kept) in _kept)
        {
            if (IsOver(kept)) Remove(key, kept);
        }
    }

    private void Remove(UInt128 key, Kept kept)
    {
        _kept.Remove(key);
        _places.GiveBack(kept.Namespace);
    }

    private sealed record Kept(string Namespace, LimitAnswer Answer, long Since, TimeSpan Time)
    {
        internal uint Left { get; set; }
    }
}
