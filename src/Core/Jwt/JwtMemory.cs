using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Culvert.Core;

/// <summary>
/// Remembers tokens that were found to be good, by their SHA-256, so that a signature is looked at once and not for each request. Bounded in number and bytes: it has two halves, and when the younger is full the older is forgotten.
/// What is asked for comes into the younger again. For any number of threads, without locks where tokens are known.
/// </summary>
internal sealed class JwtMemory
{
    private const int MostTokens = 4096;
    private const int MostBytes = 2 << 20;

    private readonly Lock _turn = new();
    private volatile Half _young = new();
    private volatile Half _old = new();

    /// <summary>How many there are.</summary>
    internal int Count => _young.Tokens.Count + _old.Tokens.Count;

    /// <summary>A token by its text; null: it is not remembered. Allocates nothing, but for one that comes into the younger half again.</summary>
    internal VerifiedJwt? Find(ReadOnlySpan<byte> token)
    {
        Key key = Key.Of(token);
        if (_young.Tokens.TryGetValue(key, out VerifiedJwt? found)) return found;
        if (!_old.Tokens.TryGetValue(key, out found)) return null;
        Add(key, found, token.Length);
        return found;
    }

    /// <summary>Remembers one.</summary>
    internal void Add(ReadOnlySpan<byte> token, VerifiedJwt jwt) => Add(Key.Of(token), jwt, token.Length);

    private void Add(Key key, VerifiedJwt jwt, int length)
    {
        Half half = _young;
        if (!half.Tokens.TryAdd(key, jwt)) return;
        if (Interlocked.Increment(ref half.Count) < MostTokens && Interlocked.Add(ref half.Bytes, length) < MostBytes) return;
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

    private readonly record struct Key(ulong A, ulong B, ulong C, ulong D)
    {
        internal static Key Of(ReadOnlySpan<byte> token)
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(token, hash);
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(hash);
            return new Key(words[0], words[1], words[2], words[3]);
        }
    }
}
