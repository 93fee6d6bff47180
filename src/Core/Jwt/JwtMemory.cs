using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Culvert.Core;

/// <summary>
/// Remembers tokens that were found to be good, by their SHA-256 and the object by which they are, so that a signature is looked at once and not for each request. Bounded in number and bytes: it has two halves, and when the
/// younger is full the older is forgotten. What is asked for comes into the younger again. For any number of threads, without locks where tokens are known.
/// </summary>
internal sealed class JwtMemory
{
    /// <summary>Most tokens of a half.</summary>
    internal const int MostTokens = 16_384;

    /// <summary>Most bytes of a half, as <see cref="VerifiedJwt.Weight"/> has them.</summary>
    internal const int MostBytes = 16 << 20;

    private readonly Lock _turn = new();
    private volatile HashSet<RequestAuthenticationInfo>? _inForce; // null: nobody has said; never changed once it is here
    private volatile Half _young = new();
    private volatile Half _old = new();

    /// <summary>How many there are.</summary>
    internal int Count => _young.Tokens.Count + _old.Tokens.Count;

    /// <summary>By what a token is found.</summary>
    internal static TokenHash HashOf(ReadOnlySpan<byte> token)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(token, hash);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(hash);
        return new TokenHash(words[0], words[1], words[2], words[3]);
    }

    /// <summary>A token that is good by an object; null: none is remembered. Allocates nothing, but for one that comes into the younger half again.</summary>
    internal VerifiedJwt? Find(in TokenHash token, RequestAuthenticationInfo by)
    {
        Key key = new(token, by);
        if (_young.Tokens.TryGetValue(key, out VerifiedJwt? found)) return found;
        if (!_old.Tokens.TryGetValue(key, out found)) return null;
        Add(key, found);
        return found;
    }

    /// <summary>Remembers one, in place of what is remembered of it; none by an object that is no longer in force.</summary>
    internal void Add(in TokenHash token, RequestAuthenticationInfo by, VerifiedJwt jwt)
    {
        if (_inForce is not { } inForce || inForce.Contains(by)) Add(new Key(token, by), jwt);
    }

    /// <summary>Forgets what was good by other objects than these, which would stay as long as their tokens, with all keys.</summary>
    /// <param name="inForce">The objects that are in force now.</param>
    internal void Keep(IEnumerable<RequestAuthenticationInfo> inForce)
    {
        HashSet<RequestAuthenticationInfo> kept = new(inForce, ReferenceEqualityComparer.Instance);
        if (_inForce is { } before && before.SetEquals(kept)) return;
        _inForce = kept;
        foreach (Half half in (Half[])[_young, _old])
        {
            foreach (Key key in half.Tokens.Keys.Where(k => !kept.Contains(k.By))) half.Tokens.TryRemove(key, out _);
        }
    }

    private void Add(Key key, VerifiedJwt jwt)
    {
        Half half = _young;
        if (!half.Tokens.TryAdd(key, jwt))
        {
            half.Tokens[key] = jwt; // by another rule, for another place
            if (Interlocked.Add(ref half.Bytes, jwt.Weight) < MostBytes) return;
        }
        else if (Interlocked.Increment(ref half.Count) < MostTokens && Interlocked.Add(ref half.Bytes, jwt.Weight) < MostBytes)
        {
            return;
        }

        lock (_turn)
        {
            if (!ReferenceEquals(half, _young)) return;
            _old = half;
            _young = new Half();
        }
    }

    private sealed class Half
    {
        internal int Count;
        internal int Bytes;

        internal ConcurrentDictionary<Key, VerifiedJwt> Tokens { get; } = new();
    }

    /// <summary>The SHA-256 of a token.</summary>
    internal readonly record struct TokenHash(ulong A, ulong B, ulong C, ulong D);

    // An object with other rules or keys is another one, so that what was good by it before is not found any more.
    private readonly record struct Key(TokenHash Token, RequestAuthenticationInfo By)
    {
        public bool Equals(Key other) => Token == other.Token && ReferenceEquals(By, other.By);

        public override int GetHashCode() => HashCode.Combine(Token, RuntimeHelpers.GetHashCode(By));
    }
}
