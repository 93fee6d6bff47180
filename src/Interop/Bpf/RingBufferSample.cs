namespace Culvert.Interop.Bpf;

/// <summary>Takes one record of a ring buffer.</summary>
/// <param name="record">The record; valid only during the call, as it lies in the kernel's buffer.</param>
public delegate void RingBufferSample(ReadOnlySpan<byte> record);
