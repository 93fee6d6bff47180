namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>How full one of the proxy's budgets is.</summary>
/// <param name="Pool">Its name, a label value of metrics.</param>
/// <param name="Used">Places taken.</param>
/// <param name="Limit">Places there are.</param>
internal readonly record struct PlaceUse(string Pool, int Used, int Limit);
