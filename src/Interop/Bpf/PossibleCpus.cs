using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>How many CPUs the kernel may ever bring up: the number of values per key of a per-CPU map.</summary>
public static class PossibleCpus
{
    /// <summary>The count, fixed for the life of the kernel.</summary>
    public static int Count { get; } = Read();

    private static int Read()
    {
        int count = Libbpf.libbpf_num_possible_cpus();
        return count > 0 ? count : throw new BpfException("count the possible CPUs", -count);
    }
}
