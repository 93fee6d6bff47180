using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>
/// Finds global variables of an opened object by name: BTF says section, offset and size, libbpf holds the initial bytes.
/// </summary>
internal sealed unsafe class BpfConfigVariables
{
    private const int BTF_KIND_DATASEC = 15;
    private const int BtfTypeBytes = 12;

    private readonly BpfObjectHandle _handle;
    private readonly string _object;
    private readonly Dictionary<string, Variable> _variables = new(StringComparer.Ordinal);

    internal BpfConfigVariables(BpfObjectHandle handle, string objectName)
    {
        _handle = handle;
        _object = objectName;
        btf* btf = Libbpf.bpf_object__btf(handle.Value);
        if (btf is null) return;
        uint count = Libbpf.btf__type_cnt(btf);
        for (uint id = 1; id < count; id++) AddSection(btf, Libbpf.btf__type_by_id(btf, id));
    }

    internal bool Contains(string name) => _variables.ContainsKey(name);

    /// <summary>The bytes that the variable will start with.</summary>
    /// <exception cref="ArgumentException">There is no such variable, or its size differs.</exception>
    internal Span<byte> Find(string name, int size)
    {
        if (!_variables.TryGetValue(name, out Variable variable))
        {
            throw new ArgumentException($"BPF object '{_object}' has no global variable '{name}'; it has "
                + (_variables.Count == 0 ? "none" : string.Join(", ", _variables.Keys.Order(StringComparer.Ordinal))));
        }
        if (variable.Size != size) throw new ArgumentException($"variable '{name}' of BPF object '{_object}' has {variable.Size} bytes, got {size}");
        bpf_map* map = Libbpf.bpf_object__find_map_by_name(_handle.Value, variable.Section);
        nuint length = 0;
        byte* start = map is null ? null : (byte*)Libbpf.bpf_map__initial_value(map, &length);
        if (start is null || (nuint)(variable.Offset + variable.Size) > length)
            throw new ArgumentException($"variable '{name}' of BPF object '{_object}' lies outside its section {variable.Section}");
        return new Span<byte>(start + variable.Offset, size);
    }

    private void AddSection(btf* btf, void* type)
    {
        // struct btf_type { u32 name_off; u32 info; u32 size; } followed by vlen x { u32 type; u32 offset; u32 size; }
        uint* header = (uint*)type;
        if (((header[1] >> 24) & 0x1f) != BTF_KIND_DATASEC) return;
        string section = NameAt(btf, header[0]);
        if (!section.StartsWith(".rodata", StringComparison.Ordinal) && section is not (".data" or ".bss")) return;
        uint members = header[1] & 0xffff;
        uint* entry = (uint*)((byte*)type + BtfTypeBytes);
        for (uint i = 0; i < members; i++, entry += 3)
        {
            uint* variable = (uint*)Libbpf.btf__type_by_id(btf, entry[0]);
            _variables[NameAt(btf, variable[0])] = new Variable(section, (int)entry[1], (int)entry[2]);
        }
    }

    private static string NameAt(btf* btf, uint offset) => Marshal.PtrToStringUTF8((nint)Libbpf.btf__name_by_offset(btf, offset)) ?? "";

    private readonly record struct Variable(string Section, int Offset, int Size);
}
