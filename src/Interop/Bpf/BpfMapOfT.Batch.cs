using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>Many entries in one system call where the kernel can (5.6 and later, by kind of map), one by one where not.</summary>
public sealed unsafe partial class BpfMap<TKey, TValue>
{
    private const int BatchSize = 256;

    /// <summary>Whether the kernel has batch operations for this kind of map; learnt from the first refusal.</summary>
    private volatile bool _batch = true;

    /// <summary>Writes many entries. Not atomic: readers may see some of them first.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="values">As many values.</param>
    /// <exception cref="BpfException">An entry was refused; earlier ones are written.</exception>
    public void SetMany(ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values)
    {
        if (keys.Length != values.Length) throw new ArgumentException($"{keys.Length} keys but {values.Length} values");
        int done = 0;
        if (_batch && !Info.IsPerCpu && keys.Length > 1)
        {
            uint count = (uint)keys.Length;
            bpf_map_batch_opts options = new() { sz = (nuint)sizeof(bpf_map_batch_opts) };
            using DescriptorLease lease = new(Handle);
            fixed (TKey* k = keys)
            fixed (TValue* v = values)
            {
                if (Libbpf.bpf_map_update_batch(lease.Descriptor, k, v, &count, &options) == 0) return;
            }
            if (!LacksBatch(Marshal.GetLastPInvokeError(), ref count)) done = (int)count;
        }
        // Also finds out which entry was refused and why, as the batch call reports only how many went in.
        for (; done < keys.Length; done++) Set(keys[done], values[done]);
    }

    /// <summary>Removes many entries; keys that are not there are passed over.</summary>
    /// <param name="keys">The keys.</param>
    /// <returns>How many were there.</returns>
    /// <exception cref="BpfException">The kernel refused; earlier ones are removed.</exception>
    public int DeleteMany(ReadOnlySpan<TKey> keys)
    {
        int removed = 0;
        while (_batch && keys.Length > 1)
        {
            uint count = (uint)keys.Length;
            bpf_map_batch_opts options = new() { sz = (nuint)sizeof(bpf_map_batch_opts) };
            using DescriptorLease lease = new(Handle);
            fixed (TKey* k = keys)
            {
                if (Libbpf.bpf_map_delete_batch(lease.Descriptor, k, &count, &options) == 0) return removed + keys.Length;
            }
            int errno = Marshal.GetLastPInvokeError();
            if (LacksBatch(errno, ref count)) break;
            if (errno != Errno.ENOENT) throw Failure("delete many from", errno);
            removed += (int)count;
            keys = keys[((int)count + 1)..];
        }
        foreach (ref readonly TKey key in keys) removed += Delete(key) ? 1 : 0;
        return removed;
    }

    /// <summary>Copies all entries. Entries changed meanwhile may be seen in either state, or twice.</summary>
    /// <returns>The entries in the map's own order.</returns>
    /// <exception cref="BpfException">The kernel refused.</exception>
    /// <exception cref="InvalidOperationException">The map has one value per CPU: walk its keys instead.</exception>
    public List<KeyValuePair<TKey, TValue>> ToList()
    {
        if (Info.IsPerCpu) throw new InvalidOperationException($"map '{Name}' has one value per CPU; use Keys and TryGetPerCpu");
        List<KeyValuePair<TKey, TValue>> entries = [];
        if (_batch && TryReadBatches(entries)) return entries;
        entries.Clear();
        foreach (TKey key in Keys())
        {
            if (TryGet(key, out TValue value)) entries.Add(new(key, value));
        }
        return entries;
    }

    /// <summary>Walks the keys, at most <see cref="BpfMapInfo.MaxEntries"/> of them.</summary>
    /// <returns>The keys; when keys vanish meanwhile some may be seen twice.</returns>
    public IEnumerable<TKey> Keys()
    {
        TKey? previous = null;
        for (uint n = 0; n < Info.MaxEntries && GetNextKey(previous, out TKey key); n++)
        {
            yield return key;
            previous = key;
        }
    }

    /// <summary>Removes every entry.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public void Clear()
    {
        TKey[] keys = [.. Keys()];
        DeleteMany(keys);
    }

    private bool TryReadBatches(List<KeyValuePair<TKey, TValue>> entries)
    {
        int size = BatchSize;
        TKey[] keys = new TKey[size];
        TValue[] values = new TValue[size];
        // The place to go on from is an opaque 32-bit bucket for hash maps and a key for the others.
        int tokenSize = Math.Max(sizeof(TKey), sizeof(uint));
        byte* from = stackalloc byte[tokenSize];
        byte* to = stackalloc byte[tokenSize];
        bpf_map_batch_opts options = new() { sz = (nuint)sizeof(bpf_map_batch_opts) };
        using DescriptorLease lease = new(Handle);
        bool first = true;
        while (true)
        {
            uint count = (uint)size;
            int result;
            fixed (TKey* k = keys)
            fixed (TValue* v = values)
            {
                result = Libbpf.bpf_map_lookup_batch(lease.Descriptor, first ? null : from, to, k, v, &count, &options);
            }
            int errno = result == 0 ? 0 : Marshal.GetLastPInvokeError();
            if (errno == Errno.ENOSPC)
            {
                // One bucket holds more than a whole batch: nothing was copied.
                size *= 2;
                keys = new TKey[size];
                values = new TValue[size];
                continue;
            }
            if (errno == Errno.EINTR) continue;
            if (errno is not 0 and not Errno.ENOENT)
            {
                if (LacksBatch(errno, ref count)) return false;
                throw Failure("read all of", errno);
            }
            for (int i = 0; i < count; i++) entries.Add(new(keys[i], values[i]));
            if (errno == Errno.ENOENT) return true;
            first = false;
            new ReadOnlySpan<byte>(to, tokenSize).CopyTo(new Span<byte>(from, tokenSize));
        }
    }

    private bool LacksBatch(int errno, ref uint count)
    {
        // Kernels before 5.6 say EINVAL for the command itself; a map without the operation says ENOTSUPP.
        if (errno is not (Errno.ENOTSUPP or Errno.EOPNOTSUPP or Errno.EINVAL)) return false;
        _batch = false;
        count = 0;
        return true;
    }
}
