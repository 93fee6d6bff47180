namespace Culvert.Interop.Bpf;

/// <summary>A BPF operation failed. Carries what libbpf and the verifier said.</summary>
public sealed class BpfException : KernelException
{
    /// <summary>Makes the exception for a failed operation.</summary>
    /// <param name="operation">What was tried, naming the object: "load BPF object 'culvert_tc'".</param>
    /// <param name="errno">The positive error number.</param>
    /// <param name="log">What libbpf and the verifier printed meanwhile, or null.</param>
    public BpfException(string operation, int errno, string? log = null)
        : base(operation, errno, log) => Log = log;

    /// <summary>What libbpf and the verifier printed during the operation, or null.</summary>
    public string? Log { get; }
}
