using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Bpf;

/// <summary>
/// bpf(2) itself, for commands and fields newer than the installed libbpf. Attributes are plain structs whose unused tail
/// is zero, as the kernel demands.
/// </summary>
internal static unsafe class BpfSyscall
{
    internal const uint BPF_TCX_INGRESS = 46;
    internal const uint BPF_TCX_EGRESS = 47;

    /// <summary>__NR_bpf: 321 on x86-64, 280 in the generic table that arm64 uses.</summary>
    private static readonly int Number = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 => 280,
        Architecture other => throw new PlatformNotSupportedException($"bpf(2) is not known on {other}"),
    };

    /// <summary>Calls bpf(2), again when a signal interrupted it.</summary>
    /// <returns>A descriptor or zero, or a negative errno.</returns>
    internal static int Call<T>(bpf_cmd command, ref T attribute)
        where T : unmanaged
    {
        fixed (T* p = &attribute)
        {
            while (true)
            {
                int result = (int)LibC.syscall(Number, (int)command, (void*)p, sizeof(T));
                if (result >= 0) return result;
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) return -errno;
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct LinkCreate
    {
        public int prog_fd;
        public int target;
        public uint attach_type;
        public uint flags;
        public int relative_fd;
        public uint pad;
        public ulong expected_revision;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ProgQuery
    {
        public int target;
        public uint attach_type;
        public uint query_flags;
        public uint attach_flags;
        public ulong prog_ids;
        public uint prog_cnt;
        public uint pad;
        public ulong prog_attach_flags;
        public ulong link_ids;
        public ulong link_attach_flags;
        public ulong revision;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ProgLoad
    {
        public uint prog_type;
        public uint insn_cnt;
        public ulong insns;
        public ulong license;
        public uint log_level;
        public uint log_size;
        public ulong log_buf;
        public uint kern_version;
        public uint prog_flags;
    }
}
