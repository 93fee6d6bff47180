namespace Culvert.Core;

/// <summary>Whether a workload takes connections that are not authenticated by mutual TLS.</summary>
public enum MtlsMode
{
    /// <summary>Takes plaintext as well; policy sees it as a source without identity.</summary>
    Permissive,

    /// <summary>Refuses plaintext from outside the mesh.</summary>
    Strict,
}
