namespace Culvert.Bench.Measuring;

/// <summary>A run whose figures mean nothing: requests failed, or none was answered.</summary>
internal sealed class BenchInvalidException : Exception
{
    public BenchInvalidException(string message)
        : base(message)
    {
    }
}
