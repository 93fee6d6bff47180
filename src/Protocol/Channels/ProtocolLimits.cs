namespace Culvert.Protocol;

/// <summary>Limits that both ends keep to.</summary>
public static class ProtocolLimits
{
    /// <summary>Longest message in bytes: a full snapshot of some 100,000 workloads.</summary>
    public const int MaxMessageSize = 64 * 1024 * 1024;

    /// <summary>Longest CSR in bytes.</summary>
    public const int MaxCsrSize = 16 * 1024;

    /// <summary>Tokens that a controller signs for one node at once after a pause, and, after these, <see cref="JwtsPerSecond"/>: agents keep them for half their life, and others have certificates signed there.</summary>
    public const int JwtBurst = 400;

    /// <summary>See <see cref="JwtBurst"/>.</summary>
    public const int JwtsPerSecond = 100;

    /// <summary>Tokens that an agent asks for at a time.</summary>
    public const int JwtsAtOnce = 4;
}
