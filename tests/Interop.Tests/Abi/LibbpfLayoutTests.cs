using System.Runtime.CompilerServices;
using Culvert.Interop.Native;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Abi;

/// <summary>The generated structs of libbpf that are handed to it, against the C compiler.</summary>
public sealed class LibbpfLayoutTests
{
    [Fact]
    public void StructsHandedToTheLibraryHaveItsSizes()
    {
        Dictionary<string, long> expected = new(StringComparer.Ordinal)
        {
            ["sizeof(struct bpf_object_open_opts)"] = Unsafe.SizeOf<bpf_object_open_opts>(),
            ["sizeof(struct bpf_map_batch_opts)"] = Unsafe.SizeOf<bpf_map_batch_opts>(),
            ["sizeof(struct bpf_tc_hook)"] = Unsafe.SizeOf<bpf_tc_hook>(),
            ["sizeof(struct bpf_tc_opts)"] = Unsafe.SizeOf<bpf_tc_opts>(),
            ["sizeof(struct bpf_test_run_opts)"] = Unsafe.SizeOf<bpf_test_run_opts>(),
            ["sizeof(struct bpf_map_info)"] = Unsafe.SizeOf<bpf_map_info>(),
            ["BPF_FUNC_redirect_peer"] = (long)bpf_func_id.BPF_FUNC_redirect_peer,
            ["BPF_MAP_TYPE_RINGBUF"] = (long)bpf_map_type.BPF_MAP_TYPE_RINGBUF,
            ["BPF_TC_EGRESS"] = (long)bpf_tc_attach_point.BPF_TC_EGRESS,
            ["BPF_F_NO_PREALLOC"] = Libbpf.BPF_F_NO_PREALLOC,
        };
        IReadOnlyDictionary<string, long> actual = CProbe.Evaluate(["<linux/bpf.h>", "<bpf/libbpf.h>", "<bpf/bpf.h>"], expected.Keys);
        Assert.Equal(expected, actual.ToDictionary(StringComparer.Ordinal));
    }
}
