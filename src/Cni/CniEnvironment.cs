namespace Culvert.Cni;

/// <summary>What the runtime tells a plugin in environment variables (CNI specification 1.1, section 2). Immutable.</summary>
public sealed record CniEnvironment
{
    private const int LongestArguments = 16_384;

    /// <summary>What is asked.</summary>
    public required CniCommand Command { get; init; }

    /// <summary><c>CNI_CONTAINERID</c>; empty where the command has no container.</summary>
    public string ContainerId { get; init; } = "";

    /// <summary><c>CNI_IFNAME</c>; empty for the same.</summary>
    public string Interface { get; init; } = "";

    /// <summary><c>CNI_NETNS</c>; empty where it is not told.</summary>
    public string NetworkNamespace { get; init; } = "";

    /// <summary>Namespace of the pod (<c>K8S_POD_NAMESPACE</c> of <c>CNI_ARGS</c>); empty where it is not told.</summary>
    public string PodNamespace { get; init; } = "";

    /// <summary>Name of the pod (<c>K8S_POD_NAME</c>).</summary>
    public string PodName { get; init; } = "";

    /// <summary>Uid of the pod (<c>K8S_POD_UID</c>).</summary>
    public string PodUid { get; init; } = "";

    /// <summary>Reads the variables that the command needs.</summary>
    /// <param name="variable">The value of a variable; null where there is none.</param>
    /// <exception cref="CniException">One is missing or wrong; the message names it.</exception>
    public static CniEnvironment Read(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        CniCommand command = variable("CNI_COMMAND") switch
        {
            "ADD" => CniCommand.Add,
            "DEL" => CniCommand.Del,
            "CHECK" => CniCommand.Check,
            "STATUS" => CniCommand.Status,
            "GC" => CniCommand.Gc,
            "VERSION" => CniCommand.Version,
            null or "" => throw Wrong("CNI_COMMAND", "is not set; this is a CNI plugin, which container runtimes run"),
            _ => throw Wrong("CNI_COMMAND", "is none of ADD, DEL, CHECK, STATUS, GC, VERSION"),
        };
        if (command is CniCommand.Version or CniCommand.Status or CniCommand.Gc) return new CniEnvironment { Command = command };
        bool needsPod = command is CniCommand.Add or CniCommand.Check;
        Dictionary<string, string> arguments = ReadArguments(variable("CNI_ARGS") ?? "");
        return new CniEnvironment
        {
            Command = command,
            ContainerId = Required("CNI_CONTAINERID", variable("CNI_CONTAINERID"), CniText.CheckContainerId),
            Interface = Required("CNI_IFNAME", variable("CNI_IFNAME"), CniText.CheckInterface),
            NetworkNamespace = Of("CNI_NETNS", variable("CNI_NETNS"), needsPod, CniText.CheckPath),
            PodNamespace = Of("CNI_ARGS: K8S_POD_NAMESPACE", arguments.GetValueOrDefault("K8S_POD_NAMESPACE"), needsPod, CniText.CheckName),
            PodName = Of("CNI_ARGS: K8S_POD_NAME", arguments.GetValueOrDefault("K8S_POD_NAME"), needsPod, CniText.CheckName),
            PodUid = Of("CNI_ARGS: K8S_POD_UID", arguments.GetValueOrDefault("K8S_POD_UID"), isRequired: false, CniText.CheckUid),
        };
    }

    // Pairs K=V between semicolons. Of keys that stand there twice nobody can say which is meant.
    private static Dictionary<string, string> ReadArguments(string text)
    {
        if (text.Length > LongestArguments) throw Wrong("CNI_ARGS", $"has {text.Length} characters, more than {LongestArguments}");
        Dictionary<string, string> arguments = new(StringComparer.Ordinal);
        foreach (string pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0) throw Wrong("CNI_ARGS", "has a part that is not of the form KEY=VALUE");
            if (!arguments.TryAdd(pair[..equals], pair[(equals + 1)..])) throw Wrong("CNI_ARGS", $"has {Shorten(pair[..equals])} twice");
        }
        return arguments;
    }

    private static string Required(string name, string? value, Func<string, string?> check) => Of(name, value, isRequired: true, check);

    private static string Of(string name, string? value, bool isRequired, Func<string, string?> check)
    {
        if (string.IsNullOrEmpty(value)) return isRequired ? throw Wrong(name, "is not set") : "";
        return check(value) is { } wrong ? throw Wrong(name, wrong) : value;
    }

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..64];

    private static CniException Wrong(string name, string what) => new(CniErrorCode.InvalidEnvironment, $"{name} {what}");
}
