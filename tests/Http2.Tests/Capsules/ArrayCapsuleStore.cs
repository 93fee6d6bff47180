using Culvert.Http2.Capsules;

namespace Culvert.Http2.Tests.Capsules;

/// <summary>Keeps pieces in a list.</summary>
internal sealed class ArrayCapsuleStore : ICapsuleStore
{
    private readonly List<byte> _kept = [];

    /// <summary>Most bytes it keeps.</summary>
    public int Room { get; init; } = int.MaxValue;

    /// <summary>Bytes kept.</summary>
    public int Length => _kept.Count;

    public bool TryKeep(ReadOnlySpan<byte> piece)
    {
        if (_kept.Count + piece.Length > Room) return false;
        _kept.AddRange(piece);
        return true;
    }

    public ReadOnlySpan<byte> Join(ReadOnlySpan<byte> last)
    {
        byte[] all = [.. _kept, .. last];
        Clear();
        return all;
    }

    public void Clear() => _kept.Clear();
}
