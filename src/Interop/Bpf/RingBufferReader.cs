using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>Reads the records of a BPF ring buffer. One thread at a time.</summary>
public sealed unsafe class RingBufferReader : IDisposable
{
    private readonly RingBufferHandle _handle;
    private readonly BpfMap _map;
    private readonly RingBufferSample _sample;
    private GCHandle _self;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Maps the ring buffer.</summary>
    /// <param name="map">A map of type <see cref="BpfMapType.RingBuffer"/>; the reader keeps a descriptor of its own.</param>
    /// <param name="sample">Called for each record within <see cref="Poll"/> and <see cref="Consume"/>.</param>
    /// <exception cref="BpfException">The map is of another type (EINVAL), or memory is short.</exception>
    public RingBufferReader(BpfMap map, RingBufferSample sample)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(sample);
        _sample = sample;
        _map = new BpfMap(FileDescriptorHandle.Duplicate(map.Handle));
        _self = GCHandle.Alloc(this);
        using DescriptorLease lease = new(_map.Handle);
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        ring_buffer* created = Libbpf.ring_buffer__new(lease.Descriptor, &OnSample, (void*)GCHandle.ToIntPtr(_self), null);
        if (created is null)
        {
            int errno = Marshal.GetLastPInvokeError();
            _self.Free();
            _map.Dispose();
            throw new BpfException($"read ring buffer '{map.Name}'", errno, log.Text);
        }
        _handle = new RingBufferHandle(created);
    }

    /// <summary>An epoll descriptor that is readable while there are records; it belongs to this reader.</summary>
    public int EpollDescriptor
    {
        get
        {
            using DescriptorLease lease = new(_handle);
            return Libbpf.ring_buffer__epoll_fd((ring_buffer*)lease.Pointer);
        }
    }

    /// <summary>Waits for records and hands them on.</summary>
    /// <param name="timeout">How long to wait; negative for ever. Rounded up to milliseconds.</param>
    /// <returns>How many records there were; zero after the timeout or a signal.</returns>
    /// <exception cref="BpfException">The kernel refused. An exception of the callback comes out as it is.</exception>
    public int Poll(TimeSpan timeout)
    {
        int milliseconds = timeout < TimeSpan.Zero ? -1 : (int)Math.Min(int.MaxValue, Math.Ceiling(timeout.TotalMilliseconds));
        using DescriptorLease lease = new(_handle);
        return Finish(Libbpf.ring_buffer__poll((ring_buffer*)lease.Pointer, milliseconds));
    }

    /// <summary>Hands on the records that are there, without waiting and without asking epoll.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="BpfException">The kernel refused. An exception of the callback comes out as it is.</exception>
    public int Consume()
    {
        using DescriptorLease lease = new(_handle);
        return Finish(Libbpf.ring_buffer__consume((ring_buffer*)lease.Pointer));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle.Dispose();
        _map.Dispose();
        if (_self.IsAllocated) _self.Free();
    }

    private int Finish(int result)
    {
        if (Interlocked.Exchange(ref _failure, null) is { } failure) failure.Throw();
        if (result >= 0) return result;
        return -result == Errno.EINTR ? 0 : throw new BpfException($"read ring buffer '{_map.Name}'", -result);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnSample(void* context, void* data, nuint size)
    {
        RingBufferReader reader = (RingBufferReader)GCHandle.FromIntPtr((nint)context).Target!;
        try
        {
            reader._sample(new ReadOnlySpan<byte>(data, (int)size));
            return 0;
        }
        catch (Exception e)
        {
            // Must not cross native frames; thrown again once libbpf has returned.
            reader._failure = ExceptionDispatchInfo.Capture(e);
            return -Errno.EINTR;
        }
    }
}
