using Culvert.Protocol.OpenTelemetry;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>Makes attributes of spans.</summary>
internal static class SpanAttributes
{
    /// <summary>One that is a text.</summary>
    internal static KeyValue Of(string key, string value) => new() { Key = key, Value = new AnyValue { StringValue = value } };

    /// <summary>One that is a number.</summary>
    internal static KeyValue Of(string key, long value) => new() { Key = key, Value = new AnyValue { IntValue = value } };
}
