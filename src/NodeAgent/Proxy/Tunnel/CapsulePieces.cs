using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The pieces of one stream's capsule, in buffers that the tunnel's account pays for: a peer that never sends the last piece takes them from others of the same
/// workload only, and none beyond the node's budget. Belongs to its loop's thread.
/// </summary>
/// <param name="tunnel">The stream's tunnel.</param>
/// <param name="holder">The stream, which may have to give them up for others.</param>
internal sealed class CapsulePieces(TunnelConnection tunnel, IBufferHolder holder) : ICapsuleStore
{
    // Most streams never need it.
    private HeldBytes? _kept;

    /// <inheritdoc/>
    public bool TryKeep(ReadOnlySpan<byte> piece) => (_kept ??= new HeldBytes(tunnel.Account, holder)).Append(piece);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Join(ReadOnlySpan<byte> last)
    {
        if (_kept is null || _kept.IsEmpty) return last;
        Span<byte> joined = tunnel.Loop.Joined.AsSpan(0, _kept.Length + last.Length);
        last.CopyTo(joined[_kept.Length..]);
        for (int length = 0; !_kept.IsEmpty;)
        {
            ReadOnlySpan<byte> piece = _kept.Peek();
            piece.CopyTo(joined[length..]);
            length += piece.Length;
            _kept.Advance(piece.Length);
        }

        return joined;
    }

    /// <inheritdoc/>
    public void Clear() => _kept?.Clear();
}
