namespace Culvert.BindingGenerator.Libbpf;

/// <summary>A C construct that has no blittable C# counterpart here (unions, bit fields, FILE).</summary>
internal sealed class UnmappableException(string what) : Exception(what);
