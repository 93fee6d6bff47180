namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Buffers in which small pieces are put together that go out at once. Rented within one call of the loop and given back before it returns: there are as many as such calls within each other ever had at once, two for each, and they are kept. Belongs to its loop's thread.
/// </summary>
internal sealed class GatherBuffers
{
    private readonly Stack<byte[]> _idle = new();

    /// <summary>A buffer of <see cref="BufferPool.BufferSize"/> bytes.</summary>
    internal byte[] Rent() => _idle.TryPop(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(BufferPool.BufferSize, pinned: true);

    /// <summary>Gives one back.</summary>
    internal void Return(byte[] buffer) => _idle.Push(buffer);
}
