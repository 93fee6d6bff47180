namespace Culvert.Interop.Bpf;

/// <summary>What the kernel says about a map.</summary>
/// <param name="Id">The id that bpftool shows.</param>
/// <param name="Name">Its name, at most 15 characters.</param>
/// <param name="Type">Its kind.</param>
/// <param name="KeySize">Bytes per key; zero for maps without keys.</param>
/// <param name="ValueSize">Bytes per value (per CPU, for per-CPU maps).</param>
/// <param name="MaxEntries">The limit of entries; bytes for a ring buffer.</param>
/// <param name="Flags">BPF_F_* flags it was made with.</param>
public sealed record BpfMapInfo(uint Id, string Name, BpfMapType Type, int KeySize, int ValueSize, uint MaxEntries, uint Flags)
{
    /// <summary>Whether each key has one value per possible CPU.</summary>
    public bool IsPerCpu => Type is BpfMapType.PerCpuArray or BpfMapType.PerCpuHash or BpfMapType.LruPerCpuHash;
}
