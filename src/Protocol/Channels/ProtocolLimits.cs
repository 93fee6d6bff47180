namespace Culvert.Protocol;

/// <summary>Limits that both ends keep to.</summary>
public static class ProtocolLimits
{
    /// <summary>Longest message in bytes: a full snapshot of some 100,000 workloads.</summary>
    public const int MaxMessageSize = 64 * 1024 * 1024;

    /// <summary>Longest CSR in bytes.</summary>
    public const int MaxCsrSize = 16 * 1024;
}
