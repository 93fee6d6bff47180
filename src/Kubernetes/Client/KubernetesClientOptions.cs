namespace Culvert.Kubernetes.Client;

/// <summary>How a client treats the API server, and what it believes it.</summary>
public sealed record KubernetesClientOptions
{
    /// <summary>Requests a second, on average; infinity for no limit of the client's own. A beginning watch is one.</summary>
    public double RequestsPerSecond { get; init; } = 50;

    /// <summary>Requests at once after a pause.</summary>
    public int Burst { get; init; } = 100;

    /// <summary>How long an answer may take, its content included; of a watch, its header. One attempt is meant.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long connecting may take, TLS included.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After how long without a byte the server is asked whether it is still there (HTTP/2 PING).</summary>
    public TimeSpan PingDelay { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long it may take to answer that; then the connection is given up, and watches on it fail.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest wait that the server may ask for (Retry-After) before the same request is sent again; what asks for more fails at once and says so.</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often a request is sent again that the server asked to come back later.</summary>
    public int Retries { get; init; } = 4;

    /// <summary>Most bytes of an answer, unpacked: of a page of a list above all. etcd has objects of up to 1.5 MiB.</summary>
    public int MaxResponseBytes { get; init; } = 256 << 20;

    /// <summary>Most bytes of one event of a watch.</summary>
    public int MaxEventBytes { get; init; } = 16 << 20;

    /// <summary>What the server's audit log calls the client.</summary>
    public string UserAgent { get; init; } = $"culvert/{typeof(KubernetesClientOptions).Assembly.GetName().Version?.ToString(3)}";
}
