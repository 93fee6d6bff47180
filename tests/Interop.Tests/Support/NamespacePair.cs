using Culvert.Interop.Netlink;

namespace Culvert.Interop.Tests.Support;

/// <summary>Two empty network namespaces, deleted at the end of the test.</summary>
internal sealed class NamespacePair : IDisposable
{
    private static int s_count;

    private readonly string _left;
    private readonly string _right;

    internal NamespacePair()
    {
        Requires.Root();
        int number = Interlocked.Increment(ref s_count);
        _left = $"cv-nl{Environment.ProcessId}-{number}a";
        _right = $"cv-nl{Environment.ProcessId}-{number}b";
        try
        {
            Left = NetworkNamespace.Create(_left);
            Right = NetworkNamespace.Create(_right);
        }
        catch (KernelException)
        {
            Delete();
            throw;
        }
    }

    internal NetworkNamespace Left { get; }

    internal NetworkNamespace Right { get; }

    internal string LeftName => _left;

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        Delete();
    }

    private void Delete()
    {
        NetworkNamespace.Delete(_left);
        NetworkNamespace.Delete(_right);
    }
}
