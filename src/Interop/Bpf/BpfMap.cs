using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;

namespace Culvert.Interop.Bpf;

/// <summary>A map by descriptor, keys and values as bytes. Safe to use from several threads.</summary>
/// <remarks>Owns its own descriptor: it stays usable after the <see cref="BpfObject"/> it came from is disposed.</remarks>
public unsafe class BpfMap : IDisposable
{
    /// <summary>Takes a map's descriptor over.</summary>
    /// <param name="handle">The descriptor, disposed with this object.</param>
    /// <exception cref="BpfException">The descriptor is not a map.</exception>
    public BpfMap(FileDescriptorHandle handle)
    {
        Handle = handle;
        bpf_map_info raw = BpfInfo.Get<bpf_map_info>(handle, "a BPF map");
        Info = new BpfMapInfo(raw.id, BpfInfo.Text(new ReadOnlySpan<byte>(raw.name, BpfInfo.NameBytes)), (BpfMapType)raw.type, (int)raw.key_size, (int)raw.value_size, raw.max_entries, raw.map_flags);
    }

    /// <summary>The descriptor.</summary>
    public FileDescriptorHandle Handle { get; }

    /// <summary>What the kernel said about the map when it was opened.</summary>
    public BpfMapInfo Info { get; }

    /// <summary>The map's name, at most 15 characters.</summary>
    public string Name => Info.Name;

    /// <summary>Bytes of a value as the kernel takes and gives it: on a per-CPU map one value, rounded up to 8 bytes, for every possible CPU.</summary>
    public int ValueBytes => Info.IsPerCpu ? PerCpuStride * PossibleCpus.Count : Info.ValueSize;

    /// <summary>Makes a map that belongs to no object file.</summary>
    /// <param name="type">Its kind.</param>
    /// <param name="name">Its name, at most 15 characters.</param>
    /// <param name="keySize">Bytes per key.</param>
    /// <param name="valueSize">Bytes per value.</param>
    /// <param name="maxEntries">The limit of entries; bytes for a ring buffer.</param>
    /// <returns>The map.</returns>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static BpfMap Create(BpfMapType type, string name, int keySize, int valueSize, uint maxEntries)
    {
        int fd = Libbpf.bpf_map_create((bpf_map_type)type, name, (uint)keySize, (uint)valueSize, maxEntries, null);
        if (fd < 0) throw new BpfException($"create BPF map '{name}' ({type})", Marshal.GetLastPInvokeError());
        return new BpfMap(new FileDescriptorHandle(fd));
    }

    /// <summary>Opens a pinned map.</summary>
    /// <param name="path">Where it is pinned.</param>
    /// <returns>The map.</returns>
    /// <exception cref="BpfException">ENOENT when nothing is pinned there; EINVAL when it is no map.</exception>
    public static BpfMap OpenPinned(string path) => new(BpfPin.Open(path, BpfPin.Map));

    /// <summary>Opens a pinned map with types.</summary>
    /// <typeparam name="TKey">Exactly the map's key size.</typeparam>
    /// <typeparam name="TValue">Exactly the map's value size.</typeparam>
    /// <param name="path">Where it is pinned.</param>
    /// <returns>The map.</returns>
    /// <exception cref="BpfException">ENOENT when nothing is pinned there; EINVAL when it is no map.</exception>
    /// <exception cref="ArgumentException">A size differs.</exception>
    public static BpfMap<TKey, TValue> OpenPinned<TKey, TValue>(string path)
        where TKey : unmanaged
        where TValue : unmanaged
        => new(BpfPin.Open(path, BpfPin.Map));

    /// <summary>Makes a map with types that belongs to no object file.</summary>
    /// <typeparam name="TKey">The key.</typeparam>
    /// <typeparam name="TValue">The value.</typeparam>
    /// <param name="type">Its kind.</param>
    /// <param name="name">Its name, at most 15 characters.</param>
    /// <param name="maxEntries">The limit of entries.</param>
    /// <returns>The map.</returns>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static BpfMap<TKey, TValue> Create<TKey, TValue>(BpfMapType type, string name, uint maxEntries)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        using BpfMap map = Create(type, name, sizeof(TKey), sizeof(TValue), maxEntries);
        return map.As<TKey, TValue>();
    }

    /// <summary>Opens a map by the id that bpftool shows.</summary>
    /// <param name="id">The id.</param>
    /// <returns>The map.</returns>
    /// <exception cref="BpfException">ENOENT when there is none.</exception>
    public static BpfMap FromId(uint id)
    {
        int fd = Libbpf.bpf_map_get_fd_by_id(id);
        if (fd < 0) throw new BpfException($"open BPF map with id {id}", Marshal.GetLastPInvokeError());
        return new BpfMap(new FileDescriptorHandle(fd));
    }

    /// <summary>Pins the map in a BPF file system, so that it lives on without a process.</summary>
    /// <param name="path">A free path on a bpffs.</param>
    /// <exception cref="BpfException">EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfPin.Pin(Handle, path, $"map '{Name}'");

    /// <summary>A typed view on a descriptor of its own.</summary>
    /// <typeparam name="TKey">Blittable key of exactly the map's key size.</typeparam>
    /// <typeparam name="TValue">Blittable value of exactly the map's value size.</typeparam>
    /// <returns>The view; dispose it too.</returns>
    /// <exception cref="ArgumentException">A size differs.</exception>
    public BpfMap<TKey, TValue> As<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged
        => new(FileDescriptorHandle.Duplicate(Handle));

    /// <summary>Reads one entry.</summary>
    /// <param name="key">Exactly the key size.</param>
    /// <param name="value">At least <see cref="ValueBytes"/>.</param>
    /// <returns>False when there is no such key.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckKey(key.Length);
        if (value.Length < ValueBytes) throw new ArgumentException($"map '{Name}' needs {ValueBytes} bytes for a value, got {value.Length}", nameof(value));
        fixed (byte* k = key)
        fixed (byte* v = value)
        {
            return Lookup(k, v);
        }
    }

    /// <summary>Writes one entry.</summary>
    /// <param name="key">Exactly the key size.</param>
    /// <param name="value">Exactly <see cref="ValueBytes"/>, as <see cref="TryGet"/> gives them.</param>
    /// <param name="mode">Whether it may create or replace.</param>
    /// <exception cref="BpfException">E2BIG when the map is full, EEXIST or ENOENT by <paramref name="mode"/>.</exception>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, MapUpdate mode = MapUpdate.Any)
    {
        CheckKey(key.Length);
        if (value.Length != ValueBytes) throw new ArgumentException($"map '{Name}' has values of {ValueBytes} bytes, got {value.Length}", nameof(value));
        fixed (byte* k = key)
        fixed (byte* v = value)
        {
            Update(k, v, mode);
        }
    }

    /// <summary>Removes one entry.</summary>
    /// <param name="key">Exactly the key size.</param>
    /// <returns>False when there was no such key.</returns>
    /// <exception cref="BpfException">The kernel refused for another reason.</exception>
    public bool Delete(ReadOnlySpan<byte> key)
    {
        CheckKey(key.Length);
        fixed (byte* k = key)
        {
            return Remove(k);
        }
    }

    /// <summary>Puts a descriptor in as the value: a socket into a sockmap, a program or map into an array of them.</summary>
    /// <param name="key">Exactly the key size.</param>
    /// <param name="descriptor">The open socket, program or map.</param>
    /// <param name="mode">Whether it may create or replace.</param>
    /// <exception cref="BpfException">The kernel refused, for example because the socket is neither listening nor connected.</exception>
    public void SetDescriptor(ReadOnlySpan<byte> key, SafeHandle descriptor, MapUpdate mode = MapUpdate.Any)
    {
        using DescriptorLease lease = new(descriptor);
        ulong wide = (uint)lease.Descriptor;
        ReadOnlySpan<byte> value = MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(ref wide));
        Set(key, BitConverter.IsLittleEndian || Info.ValueSize == sizeof(ulong) ? value[..Info.ValueSize] : value[(sizeof(ulong) - Info.ValueSize)..], mode);
    }

    /// <summary>Puts a descriptor in at an index. See <see cref="SetDescriptor(ReadOnlySpan{byte}, SafeHandle, MapUpdate)"/>.</summary>
    /// <param name="index">The index.</param>
    /// <param name="descriptor">The open socket, program or map.</param>
    public void SetDescriptor(uint index, SafeHandle descriptor) => SetDescriptor(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(ref index)), descriptor);

    // Newer kernels take storage from what is at hand and wait for no lock (kmalloc_nolock): where one call finds none, the next may.
    private const int StorageAttempts = 64;

    /// <summary>Gives a socket storage of its own in a map of type BPF_MAP_TYPE_SK_STORAGE, or replaces what it has.</summary>
    /// <typeparam name="T">The type of the map's values.</typeparam>
    /// <param name="socket">The open socket.</param>
    /// <param name="value">What is stored.</param>
    /// <returns>None, or why the kernel refused: NoMemory, for example.</returns>
    /// <exception cref="ArgumentException">The map's values have another size.</exception>
    public SocketErrno TryEnterSocket<T>(SafeHandle socket, T value)
        where T : unmanaged
    {
        if (Info.ValueSize != sizeof(T)) throw new ArgumentException($"the values of {Name} have {Info.ValueSize} bytes, not {sizeof(T)}", nameof(value));
        using DescriptorLease lease = new(socket), map = new(Handle);
        int key = lease.Descriptor;
        for (int attempt = 1; ; attempt++)
        {
            if (Libbpf.bpf_map_update_elem(map.Descriptor, &key, &value, 0) == 0) return SocketErrno.None;
            SocketErrno error = (SocketErrno)Marshal.GetLastPInvokeError();
            if (error != SocketErrno.NoMemory || attempt == StorageAttempts) return error;
            Thread.Yield();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Bytes between the values of two CPUs: the kernel rounds to 8.</summary>
    private protected int PerCpuStride => (Info.ValueSize + 7) & ~7;

    private protected bool Lookup(void* key, void* value)
    {
        using DescriptorLease lease = new(Handle);
        if (Libbpf.bpf_map_lookup_elem(lease.Descriptor, key, value) == 0) return true;
        return Missing("look up in");
    }

    private protected void Update(void* key, void* value, MapUpdate mode)
    {
        using DescriptorLease lease = new(Handle);
        if (Libbpf.bpf_map_update_elem(lease.Descriptor, key, value, (ulong)mode) != 0) throw Failure("update", Marshal.GetLastPInvokeError());
    }

    private protected bool Remove(void* key)
    {
        using DescriptorLease lease = new(Handle);
        if (Libbpf.bpf_map_delete_elem(lease.Descriptor, key) == 0) return true;
        return Missing("delete from");
    }

    private protected bool NextKey(void* key, void* next)
    {
        using DescriptorLease lease = new(Handle);
        if (Libbpf.bpf_map_get_next_key(lease.Descriptor, key, next) == 0) return true;
        return Missing("walk");
    }

    private protected BpfException Failure(string operation, int errno) => new($"{operation} BPF map '{Name}' (id {Info.Id}, {Info.MaxEntries} entries at most)", errno);

    private bool Missing(string operation)
    {
        int errno = Marshal.GetLastPInvokeError();
        // A sockmap says EINVAL when it has no socket at an index to delete.
        bool missing = errno == Errno.ENOENT || (errno == Errno.EINVAL && Info.Type == BpfMapType.SockMap);
        return missing ? false : throw Failure(operation, errno);
    }

    private void CheckKey(int length)
    {
        if (length != Info.KeySize) throw new ArgumentException($"map '{Name}' has keys of {Info.KeySize} bytes, got {length}");
    }
}
