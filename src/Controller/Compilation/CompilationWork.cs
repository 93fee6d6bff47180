namespace Culvert.Controller.Compilation;

/// <summary>How much was compiled for a step from one catalog to the next.</summary>
/// <param name="Workloads">Workloads compiled.</param>
/// <param name="Services">Services compiled.</param>
/// <param name="Policies">Policies compiled.</param>
/// <param name="Changed">Resources that are other than before, each counted for every place that it is in: the catalog, and the overlays of nodes.</param>
internal readonly record struct CompilationWork(int Workloads, int Services, int Policies, int Changed);
