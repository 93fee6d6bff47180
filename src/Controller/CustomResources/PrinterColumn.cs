namespace Culvert.Controller.CustomResources;

/// <summary>A column of <c>kubectl get</c>.</summary>
/// <param name="Name">Its head.</param>
/// <param name="Type">A type of OpenAPI: <c>string</c>, <c>integer</c>, <c>date</c>.</param>
/// <param name="Path">Where the value is, as JSONPath.</param>
/// <param name="IsWide">Whether only <c>-o wide</c> shows it.</param>
internal sealed record PrinterColumn(string Name, string Type, string Path, bool IsWide = false);
