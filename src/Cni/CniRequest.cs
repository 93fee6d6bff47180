using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Cni;

/// <summary>One call of the plugin as it is sent to the agent: <c>POST /cni</c>, in JSON.</summary>
/// <remarks>Defaults are in the init accessors: generated code sets what a document leaves out.</remarks>
public sealed record CniRequest
{
    /// <summary>The longest form in bytes: a list of all containers of a node.</summary>
    public const int LongestForm = 1 << 20;

    /// <summary>The longest that the agent is asked to wait.</summary>
    public static TimeSpan LongestWait { get; } = TimeSpan.FromMinutes(5);

    private const int MostAddresses = 64;
    private const int MostInterfaces = 256;

    /// <summary>What is asked.</summary>
    [JsonPropertyName("command")]
    public required CniCommand Command { get; init; }

    /// <summary>The container; empty for <see cref="CniCommand.Status"/> and <see cref="CniCommand.Gc"/>.</summary>
    [JsonPropertyName("containerId")]
    public string ContainerId { get; init => field = value ?? ""; } = "";

    /// <summary>The interface in it; empty for the same.</summary>
    [JsonPropertyName("ifname")]
    public string Interface { get; init => field = value ?? ""; } = "";

    /// <summary>Path of its network namespace; empty where it is not told.</summary>
    [JsonPropertyName("netns")]
    public string NetworkNamespace { get; init => field = value ?? ""; } = "";

    /// <summary>Namespace of the pod.</summary>
    [JsonPropertyName("podNamespace")]
    public string PodNamespace { get; init => field = value ?? ""; } = "";

    /// <summary>Name of the pod.</summary>
    [JsonPropertyName("podName")]
    public string PodName { get; init => field = value ?? ""; } = "";

    /// <summary>Uid of the pod; empty: the runtime does not tell.</summary>
    [JsonPropertyName("podUid")]
    public string PodUid { get; init => field = value ?? ""; } = "";

    /// <summary>How long the agent may wait for what is not yet so, in ms.</summary>
    [JsonPropertyName("waitMs")]
    public int WaitMilliseconds { get; init; }

    /// <summary>The pod's addresses, without prefix lengths.</summary>
    [JsonPropertyName("addresses")]
    public IReadOnlyList<string> Addresses { get; init => field = value ?? []; } = [];

    /// <summary>The interfaces that were made for it.</summary>
    [JsonPropertyName("interfaces")]
    public IReadOnlyList<CniInterface> Interfaces { get; init => field = value ?? []; } = [];

    /// <summary>Of <see cref="CniCommand.Gc"/>, which needs it: what is still there. Null for all others.</summary>
    [JsonPropertyName("valid")]
    public IReadOnlyList<CniAttachmentName>? Valid { get; init; }

    /// <summary>Container and interface.</summary>
    [JsonIgnore]
    public CniAttachmentName Attachment => new(ContainerId, Interface);

    /// <summary>Reads a request, of bytes that anybody may have written.</summary>
    /// <exception cref="CniException">It is none; the message names the field.</exception>
    public static CniRequest Parse(ReadOnlySpan<byte> json)
    {
        CniRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(json, CniJson.Default.CniRequest);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.DecodingFailure, $"{e.Path ?? "$"}: is not what a request has there", e.Message);
        }
        if (request is null) throw new CniException(CniErrorCode.DecodingFailure, "$: is null");
        request.Check();
        return request;
    }

    private void Check()
    {
        if (Command is not (CniCommand.Add or CniCommand.Del or CniCommand.Check or CniCommand.Status or CniCommand.Gc)) throw Wrong("command", "is none that the agent serves");
        if (WaitMilliseconds < 0 || WaitMilliseconds > LongestWait.TotalMilliseconds) throw Wrong("waitMs", $"is not between 0 and {LongestWait.TotalMilliseconds}");
        if (Addresses.Count > MostAddresses) throw Wrong("addresses", $"is not a list of at most {MostAddresses}");
        if (Interfaces.Count > MostInterfaces) throw Wrong("interfaces", $"is not a list of at most {MostInterfaces}");
        foreach (CniInterface one in Interfaces)
        {
            if (one?.Name is null) throw Wrong("interfaces", "has one without a name");
            Require("interfaces.name", one.Name, CniText.CheckInterface);
            if (one.Sandbox is { Length: > 0 } sandbox) Require("interfaces.sandbox", sandbox, CniText.CheckPath);
        }
        foreach (string address in Addresses)
        {
            if (!IPAddress.TryParse(address, out IPAddress? parsed) || parsed.ToString() != address || address.Contains('%', StringComparison.Ordinal)) throw Wrong("addresses", $"'{address}' is no address, or not in its usual form");
        }
        if (Command == CniCommand.Gc && Valid is null) throw Wrong("valid", "is missing"); // nothing may be forgotten then
        foreach (CniAttachmentName name in Valid ?? [])
        {
            Require("valid.containerID", name.ContainerId, CniText.CheckContainerId);
            Require("valid.ifname", name.Interface, CniText.CheckInterface);
        }
        if (NetworkNamespace is not "") Require("netns", NetworkNamespace, CniText.CheckPath);
        if (Command is CniCommand.Status or CniCommand.Gc) return;
        Require("containerId", ContainerId, CniText.CheckContainerId);
        Require("ifname", Interface, CniText.CheckInterface);
        if (Command == CniCommand.Del) return;
        Require("podNamespace", PodNamespace, CniText.CheckName);
        Require("podName", PodName, CniText.CheckName);
        if (PodUid is not "") Require("podUid", PodUid, CniText.CheckUid);
    }

    private static void Require(string field, string? value, Func<string, string?> check)
    {
        if (value is null) throw Wrong(field, "is null");
        if (check(value) is { } wrong) throw Wrong(field, wrong);
    }

    private static CniException Wrong(string field, string what) => new(CniErrorCode.DecodingFailure, $"{field}: {what}");
}
