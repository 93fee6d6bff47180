namespace Culvert.Interop.Bpf;

/// <summary>Whether an update may create or replace an entry (BPF_ANY, BPF_NOEXIST, BPF_EXIST).</summary>
public enum MapUpdate
{
    /// <summary>Create or replace.</summary>
    Any = 0,

    /// <summary>Create only; fails with EEXIST.</summary>
    CreateOnly = 1,

    /// <summary>Replace only; fails with ENOENT.</summary>
    ReplaceOnly = 2,
}
