namespace Culvert.Interop.Sockets;

/// <summary>
/// Datagrams that came in one piece: one alone, or a GSO batch that the kernel has not cut up (UDP_GRO). To be enumerated, which allocates nothing;
/// valid as long as the memory it lies in, for a <see cref="DatagramReceiver"/> until its next call.
/// </summary>
/// <param name="bytes">All of them, one behind the other.</param>
/// <param name="segmentSize">Size in bytes of each but the last, which may be shorter; 0 when it is one alone.</param>
public readonly ref struct GsoBatch(ReadOnlySpan<byte> bytes, int segmentSize)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly int _segmentSize = segmentSize;

    /// <summary>Starts at the first datagram; there is always one, if only an empty one.</summary>
    public Enumerator GetEnumerator() => new(_bytes, _segmentSize);

    /// <summary>Goes from datagram to datagram, in the order they were sent in.</summary>
    public ref struct Enumerator
    {
        private readonly int _segmentSize;
        private ReadOnlySpan<byte> _rest;
        private bool _ended;

        internal Enumerator(ReadOnlySpan<byte> bytes, int segmentSize)
        {
            _rest = bytes;
            _segmentSize = segmentSize;
        }

        /// <summary>The bytes of the datagram it stands at.</summary>
        public ReadOnlySpan<byte> Current { get; private set; }

        /// <summary>Goes to the next one; false when there is none.</summary>
        public bool MoveNext()
        {
            if (_ended) return false;
            _ended = _segmentSize <= 0 || _rest.Length <= _segmentSize;
            int length = _ended ? _rest.Length : _segmentSize;
            Current = _rest[..length];
            _rest = _rest[length..];
            return true;
        }
    }
}
