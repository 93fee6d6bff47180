namespace Culvert.Interop.Bpf;

/// <summary>Kinds of BPF maps (enum bpf_map_type of linux/bpf.h); numbers not named here pass through unchanged.</summary>
public enum BpfMapType
{
    /// <summary>Not set.</summary>
    Unspecified = 0,

    /// <summary>Hash table.</summary>
    Hash = 1,

    /// <summary>Array.</summary>
    Array = 2,

    /// <summary>Array of programs, for tail calls.</summary>
    ProgramArray = 3,

    /// <summary>Hash table with one value per CPU.</summary>
    PerCpuHash = 5,

    /// <summary>Array with one value per CPU.</summary>
    PerCpuArray = 6,

    /// <summary>Hash table that evicts the least recently used entry.</summary>
    LruHash = 9,

    /// <summary>The same with one value per CPU.</summary>
    LruPerCpuHash = 10,

    /// <summary>Longest prefix match.</summary>
    LpmTrie = 11,

    /// <summary>Array of maps.</summary>
    ArrayOfMaps = 12,

    /// <summary>Hash of maps.</summary>
    HashOfMaps = 13,

    /// <summary>Array of sockets.</summary>
    SockMap = 15,

    /// <summary>Hash of sockets.</summary>
    SockHash = 18,

    /// <summary>Ring buffer of events to user space.</summary>
    RingBuffer = 27,
}
