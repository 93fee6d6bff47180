using System.Buffers;
using System.Runtime.CompilerServices;
using Culvert.Interop.Handles;

namespace Culvert.Interop.Bpf;

/// <summary>A map with blittable keys and values. Safe to use from several threads.</summary>
/// <typeparam name="TKey">Exactly the map's key size; every padding byte counts in a key, so have none.</typeparam>
/// <typeparam name="TValue">Exactly the map's value size (per CPU, for per-CPU maps).</typeparam>
public sealed unsafe partial class BpfMap<TKey, TValue> : BpfMap
    where TKey : unmanaged
    where TValue : unmanaged
{
    /// <summary>Takes a map's descriptor over.</summary>
    /// <param name="handle">The descriptor, disposed with this object.</param>
    /// <exception cref="ArgumentException">The size of a type differs from the map's.</exception>
    /// <exception cref="BpfException">The descriptor is not a map.</exception>
    public BpfMap(FileDescriptorHandle handle)
        : base(handle)
    {
        if (Info.KeySize == sizeof(TKey) && Info.ValueSize == sizeof(TValue)) return;
        handle.Dispose();
        throw new ArgumentException(Info.KeySize != sizeof(TKey)
            ? $"map '{Name}' has keys of {Info.KeySize} bytes, but {typeof(TKey).Name} has {sizeof(TKey)}"
            : $"map '{Name}' has values of {Info.ValueSize} bytes, but {typeof(TValue).Name} has {sizeof(TValue)}");
    }

    /// <summary>Reads one entry.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, or default.</param>
    /// <returns>False when there is no such key.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    /// <exception cref="InvalidOperationException">The map has one value per CPU.</exception>
    public bool TryGet(in TKey key, out TValue value)
    {
        if (Info.IsPerCpu) throw new InvalidOperationException($"map '{Name}' has one value per CPU; use TryGetPerCpu");
        value = default;
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            return Lookup(k, v);
        }
    }

    /// <summary>Reads the values of one key on every possible CPU.</summary>
    /// <param name="key">The key.</param>
    /// <param name="values">Room for <see cref="PossibleCpus.Count"/> values.</param>
    /// <returns>False when there is no such key.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    public bool TryGetPerCpu(in TKey key, Span<TValue> values)
    {
        if (!Info.IsPerCpu) throw new InvalidOperationException($"map '{Name}' does not have one value per CPU; use TryGet");
        int cpus = PossibleCpus.Count;
        if (values.Length < cpus) throw new ArgumentException($"map '{Name}' has {cpus} values per key, got room for {values.Length}", nameof(values));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(PerCpuStride * cpus);
        try
        {
            fixed (TKey* k = &key)
            fixed (byte* v = buffer)
            {
                if (!Lookup(k, v)) return false;
                for (int cpu = 0; cpu < cpus; cpu++) values[cpu] = Unsafe.ReadUnaligned<TValue>(v + (cpu * PerCpuStride));
            }
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes one entry; on a per-CPU map the same value for every CPU.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="mode">Whether it may create or replace.</param>
    /// <exception cref="BpfException">E2BIG when the map is full, EEXIST or ENOENT by <paramref name="mode"/>.</exception>
    public void Set(in TKey key, in TValue value, MapUpdate mode = MapUpdate.Any)
    {
        if (Info.IsPerCpu)
        {
            SetPerCpu(key, value, mode);
            return;
        }
        fixed (TKey* k = &key)
        fixed (TValue* v = &value)
        {
            Update(k, v, mode);
        }
    }

    /// <summary>Removes one entry.</summary>
    /// <param name="key">The key.</param>
    /// <returns>False when there was no such key.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    public bool Delete(in TKey key)
    {
        fixed (TKey* k = &key)
        {
            return Remove(k);
        }
    }

    /// <summary>The key that follows another in the map's own order.</summary>
    /// <param name="key">Null for the first key. A key that is gone starts over at the first.</param>
    /// <param name="next">The key found.</param>
    /// <returns>False at the end.</returns>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public bool GetNextKey(TKey? key, out TKey next)
    {
        TKey previous = key.GetValueOrDefault();
        next = default;
        fixed (TKey* n = &next)
        {
            return NextKey(key.HasValue ? &previous : null, n);
        }
    }

    private void SetPerCpu(in TKey key, in TValue value, MapUpdate mode)
    {
        int cpus = PossibleCpus.Count;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(PerCpuStride * cpus);
        try
        {
            fixed (TKey* k = &key)
            fixed (byte* v = buffer)
            {
                for (int cpu = 0; cpu < cpus; cpu++) Unsafe.WriteUnaligned(v + (cpu * PerCpuStride), value);
                Update(k, v, mode);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
