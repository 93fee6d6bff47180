using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>BPF_OBJ_GET_INFO_BY_FD and the kernel's structs for it (only the leading fields that are used).</summary>
internal static unsafe class BpfInfo
{
    /// <summary>BPF_OBJ_NAME_LEN.</summary>
    internal const int NameBytes = 16;

    /// <summary>Reads the information about a map, program or link.</summary>
    /// <exception cref="BpfException">The descriptor is not of that kind.</exception>
    internal static T Get<T>(SafeHandle handle, string what)
        where T : unmanaged
    {
        T info = default;
        uint length = (uint)sizeof(T);
        using DescriptorLease lease = new(handle);
        if (Libbpf.bpf_obj_get_info_by_fd(lease.Descriptor, &info, &length) < 0)
            throw new BpfException($"read the information of {what}", Marshal.GetLastPInvokeError());
        return info;
    }

    /// <summary>The text of a fixed-size, zero-terminated kernel name.</summary>
    internal static string Text(ReadOnlySpan<byte> name)
    {
        int end = name.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? name : name[..end]);
    }

    [InlineArray(NameBytes)]
    internal struct ObjectName
    {
        private byte _first;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Program
    {
        public uint type;
        public uint id;
        public ulong tag;
        public uint jited_prog_len;
        public uint xlated_prog_len;
        public ulong jited_prog_insns;
        public ulong xlated_prog_insns;
        public ulong load_time;
        public uint created_by_uid;
        public uint nr_map_ids;
        public ulong map_ids;
        public ObjectName name;
    }

    /// <summary>The union after the ids starts with ifindex for TCX and XDP links; attach_type follows for TCX.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Link
    {
        public uint type;
        public uint id;
        public uint prog_id;
        public uint pad;
        public uint target;
        public uint attach_type;
        public ulong rest0;
        public ulong rest1;
        public ulong rest2;
    }
}
