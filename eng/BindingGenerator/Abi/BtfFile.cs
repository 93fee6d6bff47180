using System.Buffers.Binary;
using System.Text;
using Culvert.Generators;

namespace Culvert.BindingGenerator.Abi;

/// <summary>Reads the .BTF section of a little-endian ELF64 object (Linux Documentation/bpf/btf.rst).</summary>
internal sealed class BtfFile
{
    private readonly List<BtfType> _types = [new(BtfKind.Unknown, "void", 0, 0, 0, [])];
    private readonly byte[] _section;

    internal BtfFile(byte[] elf)
    {
        _section = Section(elf, ".BTF");
        int header = Int(4);
        int end = header + Int(8) + Int(12);
        for (int at = header + Int(8); at < end;) at = ReadType(at);
    }

    /// <summary>A type by id.</summary>
    internal BtfType this[int id] => _types[id];

    /// <summary>The struct or enum of a name.</summary>
    internal BtfType Find(string name) => _types.FirstOrDefault(t => t.Name == name && t.Kind is BtfKind.Struct or BtfKind.Enum or BtfKind.Enum64)
        ?? throw new GeneratorException($"BTF has no type '{name}'");

    private int ReadType(int at)
    {
        string name = Text(Int(at));
        uint info = (uint)Int(at + 4);
        int sizeOrType = Int(at + 8);
        BtfKind kind = (BtfKind)((info >> 24) & 0x1f);
        int count = (int)(info & 0xffff);
        bool flag = info >> 31 != 0;
        at += 12;
        List<BtfMember> members = [];
        int target = 0, size = 0, elements = 0;
        switch (kind)
        {
            case BtfKind.Int:
            case BtfKind.Variable:
            case BtfKind.DeclarationTag:
                size = kind == BtfKind.Int ? sizeOrType : 0;
                at += 4;
                break;
            case BtfKind.Array:
                target = Int(at);
                elements = Int(at + 8);
                at += 12;
                break;
            case BtfKind.Struct:
            case BtfKind.Union:
                size = sizeOrType;
                for (int i = 0; i < count; i++, at += 12) members.Add(new(Text(Int(at)), Int(at + 4), flag ? Int(at + 8) & 0xffffff : Int(at + 8)));
                break;
            case BtfKind.Enum:
                size = sizeOrType;
                for (int i = 0; i < count; i++, at += 8) members.Add(new(Text(Int(at)), 0, flag ? Int(at + 4) : (uint)Int(at + 4)));
                break;
            case BtfKind.Enum64:
                size = sizeOrType;
                for (int i = 0; i < count; i++, at += 12) members.Add(new(Text(Int(at)), 0, (uint)Int(at + 4) | ((long)Int(at + 8) << 32)));
                break;
            case BtfKind.FunctionPrototype:
                at += 8 * count;
                break;
            case BtfKind.DataSection:
                at += 12 * count;
                break;
            case BtfKind.Float:
                size = sizeOrType;
                break;
            default:
                target = sizeOrType;
                break;
        }
        _types.Add(new(kind, name, size, target, elements, members));
        return at;
    }

    private int Int(int at) => BinaryPrimitives.ReadInt32LittleEndian(_section.AsSpan(at));

    private string Text(int offset)
    {
        ReadOnlySpan<byte> rest = _section.AsSpan(Int(4) + Int(16) + offset);
        return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]);
    }

    private static byte[] Section(byte[] elf, string name)
    {
        if (elf.Length < 64 || !elf.AsSpan(0, 6).SequenceEqual<byte>([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1])) throw new GeneratorException("not a little-endian ELF64 object");
        int table = (int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(0x28));
        int entry = BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(0x3a));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(0x3c));
        int names = BinaryPrimitives.ReadUInt16LittleEndian(elf.AsSpan(0x3e));
        (int Offset, int Size) At(int index) => ((int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(table + (index * entry) + 0x18)), (int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(table + (index * entry) + 0x20)));
        for (int i = 0; i < count; i++)
        {
            int start = At(names).Offset + BinaryPrimitives.ReadInt32LittleEndian(elf.AsSpan(table + (i * entry)));
            int length = elf.AsSpan(start).IndexOf((byte)0);
            if (Encoding.UTF8.GetString(elf, start, length) == name) return elf.AsSpan(At(i).Offset, At(i).Size).ToArray();
        }
        throw new GeneratorException($"the object has no section {name}; was it compiled with -g?");
    }
}
