namespace Culvert.Core;

/// <summary>How a request stands in the access log.</summary>
public enum AccessLogFormat
{
    /// <summary>An object of JSON on a line.</summary>
    Json,

    /// <summary>A line of text, each part in its place.</summary>
    Text,
}
