using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

internal struct bpf_object;
internal struct bpf_map;
internal struct bpf_program;
internal struct ring_buffer;
internal struct btf_object;

internal unsafe struct bpf_object_open_opts
{
    public nuint sz;
    public byte* object_name;
    public byte relaxed_maps;
    public byte* pin_root_path;
    public uint _bitfield;
    public byte* kconfig;
    public byte* btf_custom_path;
    public byte* kernel_log_buf;
    public nuint kernel_log_size;
    public uint kernel_log_level;
}

internal struct bpf_map_batch_opts
{
    public nuint sz;
    public ulong elem_flags;
    public ulong flags;
}

internal struct bpf_tc_hook
{
    public nuint sz;
    public int ifindex;
    public bpf_tc_attach_point attach_point;
    public uint parent;
}

internal struct bpf_tc_opts
{
    public nuint sz;
    public int prog_fd;
    public uint flags;
    public uint prog_id;
    public uint handle;
    public uint priority;
}

internal unsafe struct bpf_test_run_opts
{
    public nuint sz;
    public void* data_in;
    public void* data_out;
    public uint data_size_in;
    public uint data_size_out;
    public void* ctx_in;
    public void* ctx_out;
    public uint ctx_size_in;
    public uint ctx_size_out;
    public uint retval;
    public int repeat;
    public uint duration;
    public uint flags;
    public uint cpu;
    public uint batch_size;
}

internal enum bpf_tc_attach_point : uint
{
    BPF_TC_INGRESS = 1,
    BPF_TC_EGRESS = 2,
}

/// <summary>libbpf 1.x. Functions return a negative errno, or null with errno set.</summary>
internal static unsafe partial class Libbpf
{
    internal const string Library = "libbpf.so.1";

    [LibraryImport(Library)]
    internal static partial delegate* unmanaged[Cdecl]<int, byte*, void*, int> libbpf_set_print(delegate* unmanaged[Cdecl]<int, byte*, void*, int> fn);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial bpf_object* bpf_object__open_file(string path, bpf_object_open_opts* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial bpf_object* bpf_object__open_mem(void* obj_buf, nuint obj_buf_sz, bpf_object_open_opts* opts);

    [LibraryImport(Library)]
    internal static partial int bpf_object__load(bpf_object* obj);

    [LibraryImport(Library)]
    internal static partial void bpf_object__close(bpf_object* @object);

    [LibraryImport(Library)]
    internal static partial byte* bpf_object__name(bpf_object* obj);

    [LibraryImport(Library)]
    internal static partial btf_object* bpf_object__btf(bpf_object* obj);

    [LibraryImport(Library)]
    internal static partial bpf_program* bpf_object__next_program(bpf_object* obj, bpf_program* prog);

    [LibraryImport(Library)]
    internal static partial bpf_map* bpf_object__next_map(bpf_object* obj, bpf_map* map);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial bpf_program* bpf_object__find_program_by_name(bpf_object* obj, string name);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial bpf_map* bpf_object__find_map_by_name(bpf_object* obj, string name);

    [LibraryImport(Library)]
    internal static partial byte* bpf_program__name(bpf_program* prog);

    [LibraryImport(Library)]
    internal static partial int bpf_program__fd(bpf_program* prog);

    [LibraryImport(Library)]
    internal static partial int bpf_program__set_autoload(bpf_program* prog, byte autoload);

    [LibraryImport(Library)]
    internal static partial byte bpf_program__autoload(bpf_program* prog);

    [LibraryImport(Library)]
    internal static partial int bpf_map__fd(bpf_map* map);

    [LibraryImport(Library)]
    internal static partial byte* bpf_map__name(bpf_map* map);

    [LibraryImport(Library)]
    internal static partial int bpf_map__set_max_entries(bpf_map* map, uint max_entries);

    [LibraryImport(Library)]
    internal static partial int bpf_map__reuse_fd(bpf_map* map, int fd);

    [LibraryImport(Library)]
    internal static partial void* bpf_map__initial_value(bpf_map* map, nuint* psize);

    [LibraryImport(Library)]
    internal static partial uint btf__type_cnt(btf_object* btf);

    [LibraryImport(Library)]
    internal static partial void* btf__type_by_id(btf_object* btf, uint id);

    [LibraryImport(Library)]
    internal static partial byte* btf__name_by_offset(btf_object* btf, uint offset);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_map_create(uint map_type, string map_name, uint key_size, uint value_size, uint max_entries, void* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_update_elem(int fd, void* key, void* value, ulong flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_lookup_elem(int fd, void* key, void* value);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_delete_elem(int fd, void* key);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_get_next_key(int fd, void* key, void* next_key);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_freeze(int fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_lookup_batch(int fd, void* in_batch, void* out_batch, void* keys, void* values, uint* count, bpf_map_batch_opts* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_update_batch(int fd, void* keys, void* values, uint* count, bpf_map_batch_opts* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_delete_batch(int fd, void* keys, uint* count, bpf_map_batch_opts* opts);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_pin(int fd, string pathname);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int bpf_obj_get(string pathname);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_obj_get_info_by_fd(int bpf_fd, void* info, uint* info_len);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_link_detach(int link_fd);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_link_update(int link_fd, int new_prog_fd, void* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_link_get_fd_by_id(uint id);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_prog_get_fd_by_id(uint id);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_map_get_fd_by_id(uint id);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_link_get_next_id(uint start_id, uint* next_id);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bpf_prog_test_run_opts(int prog_fd, bpf_test_run_opts* opts);

    [LibraryImport(Library)]
    internal static partial int libbpf_num_possible_cpus();

    [LibraryImport(Library)]
    internal static partial int libbpf_probe_bpf_helper(uint prog_type, uint helper_id, void* opts);

    [LibraryImport(Library)]
    internal static partial int bpf_tc_hook_create(bpf_tc_hook* hook);

    [LibraryImport(Library)]
    internal static partial int bpf_tc_hook_destroy(bpf_tc_hook* hook);

    [LibraryImport(Library)]
    internal static partial int bpf_tc_attach(bpf_tc_hook* hook, bpf_tc_opts* opts);

    [LibraryImport(Library)]
    internal static partial int bpf_tc_detach(bpf_tc_hook* hook, bpf_tc_opts* opts);

    [LibraryImport(Library)]
    internal static partial int bpf_tc_query(bpf_tc_hook* hook, bpf_tc_opts* opts);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial ring_buffer* ring_buffer__new(int map_fd, delegate* unmanaged[Cdecl]<void*, void*, nuint, int> sample_cb, void* ctx, void* opts);

    [LibraryImport(Library)]
    internal static partial void ring_buffer__free(ring_buffer* rb);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ring_buffer__poll(ring_buffer* rb, int timeout_ms);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ring_buffer__consume(ring_buffer* rb);

    [LibraryImport(Library)]
    internal static partial int ring_buffer__epoll_fd(ring_buffer* rb);
}
