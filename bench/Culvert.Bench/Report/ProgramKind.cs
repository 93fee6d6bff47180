using System.Text.Json.Serialization;

namespace Culvert.Bench.Report;

/// <summary>How a measured program was compiled.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ProgramKind>))]
internal enum ProgramKind
{
    /// <summary>The runtime compiles it while it runs.</summary>
    [JsonStringEnumMemberName("managed")]
    Managed,

    /// <summary>Compiled ahead of time, without a runtime of its own (NativeAOT).</summary>
    [JsonStringEnumMemberName("native")]
    Native,
}
