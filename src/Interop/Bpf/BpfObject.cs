using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>A compiled BPF object file: opened, configured, then loaded into the kernel. Not thread-safe.</summary>
/// <remarks>Maps and programs got from it own copies of their descriptors and outlive it.</remarks>
public sealed unsafe class BpfObject : IDisposable
{
    private readonly BpfObjectHandle _handle;
    private readonly BpfConfigVariables _variables;
    private bool _loaded;

    private BpfObject(BpfObjectHandle handle, string name)
    {
        _handle = handle;
        Name = name;
        _variables = new BpfConfigVariables(handle, name);
    }

    /// <summary>The name used in messages: the file's name without extension, or the one given.</summary>
    public string Name { get; }

    /// <summary>Opens an object file; nothing reaches the kernel yet.</summary>
    /// <param name="path">The ELF file.</param>
    /// <returns>The object, to be configured and loaded.</returns>
    /// <exception cref="BpfException">The file is missing or is no BPF object.</exception>
    public static BpfObject OpenFile(string path)
    {
        if (!File.Exists(path)) throw new BpfException($"open BPF object file {path}", Errno.ENOENT);
        return Open(File.ReadAllBytes(path), Path.GetFileName(path).Split('.')[0]);
    }

    /// <summary>Opens an object file's content; nothing reaches the kernel yet.</summary>
    /// <param name="elf">The ELF image; it is copied.</param>
    /// <param name="name">The object's name; it also starts the names of its global-variable maps.</param>
    /// <returns>The object, to be configured and loaded.</returns>
    /// <exception cref="BpfException">It is no BPF object.</exception>
    public static BpfObject Open(ReadOnlySpan<byte> elf, string name)
    {
        nint nameBytes = Marshal.StringToCoTaskMemUTF8(name);
        try
        {
            using LibbpfLog.Scope log = LibbpfLog.Begin();
            bpf_object* opened;
            bpf_object_open_opts options = new() { sz = (nuint)sizeof(bpf_object_open_opts), object_name = (byte*)nameBytes };
            fixed (byte* image = elf)
            {
                opened = Libbpf.bpf_object__open_mem(image, (nuint)elf.Length, &options);
            }
            if (opened is null) throw new BpfException($"open BPF object '{name}'", Marshal.GetLastPInvokeError(), log.Text);
            return new BpfObject(new BpfObjectHandle(opened), name);
        }
        finally
        {
            Marshal.FreeCoTaskMem(nameBytes);
        }
    }

    /// <summary>Sets a global variable (typically <c>const volatile</c>) before load, so that the verifier prunes by it.</summary>
    /// <typeparam name="T">A blittable type of exactly the variable's size; use byte for bool.</typeparam>
    /// <param name="variable">Its name in the C source.</param>
    /// <param name="value">Its value.</param>
    /// <returns>This object.</returns>
    /// <exception cref="ArgumentException">There is no such variable, or its size differs.</exception>
    /// <exception cref="InvalidOperationException">The object is loaded already.</exception>
    public BpfObject SetConfig<T>(string variable, T value)
        where T : unmanaged
    {
        BeforeLoad();
        MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value)).CopyTo(_variables.Find(variable, sizeof(T)));
        return this;
    }

    /// <summary>Whether the object has a global variable of that name.</summary>
    /// <param name="variable">Its name in the C source.</param>
    /// <returns>True when <see cref="SetConfig"/> would find it.</returns>
    public bool HasConfig(string variable) => _variables.Contains(variable);

    /// <summary>Sets the limit of entries (bytes for a ring buffer) of a map before load.</summary>
    /// <param name="map">The map's name.</param>
    /// <param name="maxEntries">The limit.</param>
    /// <returns>This object.</returns>
    /// <exception cref="BpfException">There is no such map.</exception>
    public BpfObject SetMaxEntries(string map, uint maxEntries)
    {
        BeforeLoad();
        Check(Libbpf.bpf_map__set_max_entries(FindMap(map), maxEntries), $"set the size of map '{map}' of BPF object '{Name}' to {maxEntries}", null);
        return this;
    }

    /// <summary>Uses an existing map in place of making a new one.</summary>
    /// <param name="name">The map's name in this object.</param>
    /// <param name="existing">The map to use; the caller keeps it.</param>
    /// <returns>This object.</returns>
    /// <exception cref="BpfException">There is no such map here. A map that does not fit is refused by <see cref="Load"/>.</exception>
    public BpfObject ReuseMap(string name, BpfMap existing)
    {
        ArgumentNullException.ThrowIfNull(existing);
        BeforeLoad();
        bpf_map* map = FindMap(name);
        using DescriptorLease lease = new(existing.Handle);
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_map__reuse_fd(map, lease.Descriptor);
        Check(result, $"reuse map '{existing.Name}' (id {existing.Info.Id}) as '{name}' in BPF object '{Name}'", log.Text);
        return this;
    }

    /// <summary>Uses a pinned map in place of making a new one.</summary>
    /// <param name="name">The map's name in this object.</param>
    /// <param name="pinPath">Where the map is pinned.</param>
    /// <returns>This object.</returns>
    /// <exception cref="BpfException">Nothing is pinned there, or there is no such map here.</exception>
    public BpfObject ReuseMap(string name, string pinPath)
    {
        using BpfMap existing = BpfMap.OpenPinned(pinPath);
        return ReuseMap(name, existing);
    }

    /// <summary>Chooses whether <see cref="Load"/> loads a program.</summary>
    /// <param name="program">The name of its function.</param>
    /// <param name="load">False to leave it out.</param>
    /// <returns>This object.</returns>
    /// <exception cref="BpfException">There is no such program.</exception>
    public BpfObject SetAutoload(string program, bool load)
    {
        BeforeLoad();
        Check(Libbpf.bpf_program__set_autoload(FindProgram(program), load ? (byte)1 : (byte)0), $"choose program '{program}' of BPF object '{Name}'", null);
        return this;
    }

    /// <summary>Makes the maps and has the verifier check and take the programs.</summary>
    /// <exception cref="BpfException">Refused; <see cref="BpfException.Log"/> holds the verifier's words.</exception>
    public void Load()
    {
        BeforeLoad();
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_object__load(_handle.Value);
        Check(result, $"load BPF object '{Name}'", log.Text);
        _loaded = true;
    }

    /// <summary>The names of the programs, in file order.</summary>
    public IReadOnlyList<string> ProgramNames
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            List<string> names = [];
            for (bpf_program* p = Libbpf.bpf_object__next_program(_handle.Value, null); p is not null; p = Libbpf.bpf_object__next_program(_handle.Value, p))
                names.Add(Marshal.PtrToStringUTF8((nint)Libbpf.bpf_program__name(p))!);
            return names;
        }
    }

    /// <summary>The names of the maps as the kernel will show them, global-variable maps included.</summary>
    public IReadOnlyList<string> MapNames
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            List<string> names = [];
            for (bpf_map* m = Libbpf.bpf_object__next_map(_handle.Value, null); m is not null; m = Libbpf.bpf_object__next_map(_handle.Value, m))
                names.Add(Marshal.PtrToStringUTF8((nint)Libbpf.bpf_map__name(m))!);
            return names;
        }
    }

    /// <summary>A loaded program, on a descriptor of its own.</summary>
    /// <param name="name">The name of its function.</param>
    /// <returns>The program; dispose it.</returns>
    /// <exception cref="BpfException">There is no such program, or it is not loaded.</exception>
    public BpfProgram GetProgram(string name)
    {
        int fd = Libbpf.bpf_program__fd(FindProgram(name));
        Check(fd, $"get program '{name}' of BPF object '{Name}' (is it loaded?)", null);
        return new BpfProgram(FileDescriptorHandle.Duplicate(fd));
    }

    /// <summary>A loaded map, on a descriptor of its own.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The map; dispose it.</returns>
    /// <exception cref="BpfException">There is no such map, or it is not loaded.</exception>
    public BpfMap GetMap(string name) => new(MapDescriptor(name));

    /// <summary>A loaded map with types, on a descriptor of its own.</summary>
    /// <typeparam name="TKey">Exactly the map's key size.</typeparam>
    /// <typeparam name="TValue">Exactly the map's value size.</typeparam>
    /// <param name="name">Its name.</param>
    /// <returns>The map; dispose it.</returns>
    /// <exception cref="BpfException">There is no such map, or it is not loaded.</exception>
    /// <exception cref="ArgumentException">A size differs.</exception>
    public BpfMap<TKey, TValue> GetMap<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged
        => new(MapDescriptor(name));

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private FileDescriptorHandle MapDescriptor(string name)
    {
        int fd = Libbpf.bpf_map__fd(FindMap(name));
        Check(fd, $"get map '{name}' of BPF object '{Name}' (is it loaded?)", null);
        return FileDescriptorHandle.Duplicate(fd);
    }

    private bpf_map* FindMap(string name)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        bpf_map* map = Libbpf.bpf_object__find_map_by_name(_handle.Value, name);
        return map is not null ? map : throw new BpfException($"find map '{name}' in BPF object '{Name}'", Errno.ENOENT, $"it has {string.Join(", ", MapNames)}");
    }

    private bpf_program* FindProgram(string name)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        bpf_program* program = Libbpf.bpf_object__find_program_by_name(_handle.Value, name);
        return program is not null ? program : throw new BpfException($"find program '{name}' in BPF object '{Name}'", Errno.ENOENT, $"it has {string.Join(", ", ProgramNames)}");
    }

    private void BeforeLoad()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        if (_loaded) throw new InvalidOperationException($"BPF object '{Name}' is loaded already");
    }

    private static void Check(int result, string operation, string? log)
    {
        if (result < 0) throw new BpfException(operation, -result, log);
    }
}
