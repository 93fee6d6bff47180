using Culvert.Core;
using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Tokens that have been signed, in memory only. Called under its owner's lock.</summary>
internal sealed class HeldJwts
{
    /// <summary>Most tokens that are kept; those that end first make room.</summary>
    internal const int Most = 4096;

    /// <summary>Most of one workload: others' are not to go for the many that one asks for.</summary>
    internal const int MostOfOne = 64;

    private readonly Dictionary<JwtQuestion, HeldJwt> _held = [];
    private EquatableArray<JwtKey> _keys;

    /// <summary>How many are kept.</summary>
    internal int Count => _held.Count;

    /// <summary>The one that is kept; null: there is none.</summary>
    internal HeldJwt? Find(JwtQuestion question) => _held.GetValueOrDefault(question);

    /// <summary>Keeps one in place of the one before.</summary>
    /// <param name="question">Which it is.</param>
    /// <param name="jwt">It.</param>
    /// <param name="asked">When it was asked for, from when its life is counted: it began later than that, and the controller's clock may be another.</param>
    /// <param name="now">The time.</param>
    internal void Keep(JwtQuestion question, IssuedJwt jwt, DateTimeOffset asked, DateTimeOffset now)
    {
        if (!_held.ContainsKey(question))
        {
            foreach (JwtQuestion ended in _held.Where(h => h.Value.EndsAt <= now).Select(h => h.Key).ToArray()) _held.Remove(ended);
            JwtQuestion[] own = [.. _held.Where(h => h.Key.Uid == question.Uid).OrderBy(h => h.Value.EndsAt).Select(h => h.Key)];
            if (own.Length >= MostOfOne) _held.Remove(own[0]);
            if (_held.Count >= Most) _held.Remove(_held.MinBy(h => h.Value.EndsAt).Key);
        }
        TimeSpan life = jwt.ExpiresAt - jwt.IssuedAt;
        _held[question] = new(jwt, JwtSvid.KeyIdOf(jwt.Token), asked + (life / 2), asked + life);
    }

    /// <summary>Takes the keys of the trust domain: what was signed with one that has left them nobody believes any more.</summary>
    internal void Forget(EquatableArray<JwtKey> keys)
    {
        if (keys == _keys) return;
        HashSet<string?> gone = [.. _keys.Select(k => k.KeyId).Except(keys.Select(k => k.KeyId))];
        _keys = keys;
        foreach (JwtQuestion question in _held.Where(h => gone.Contains(h.Value.KeyId)).Select(h => h.Key).ToArray()) _held.Remove(question);
    }
}

/// <summary>A token that is kept. Immutable.</summary>
/// <param name="Jwt">It.</param>
/// <param name="KeyId">Of the key that has signed it.</param>
/// <param name="RenewAt">From when another one is asked for.</param>
/// <param name="EndsAt">Until when it is good.</param>
internal sealed record HeldJwt(IssuedJwt Jwt, string? KeyId, DateTimeOffset RenewAt, DateTimeOffset EndsAt);
