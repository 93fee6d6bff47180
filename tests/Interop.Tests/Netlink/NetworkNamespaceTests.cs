using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

public sealed class NetworkNamespaceTests
{
    [Fact]
    public void EnteringIsUndoneAlsoAfterAnException()
    {
        using NamespacePair pair = new();
        using NetworkNamespace home = NetworkNamespace.Current();
        Assert.NotEqual(home.Inode, pair.Left.Inode);
        Assert.Equal(pair.Left.Inode, pair.Left.Run(InodeOfThisThread));
        Assert.Throws<InvalidDataException>(() => pair.Left.Run(() => throw new InvalidDataException()));
        Assert.Equal(home.Inode, InodeOfThisThread());
        using (pair.Left.Enter())
        {
            using (pair.Right.Enter()) Assert.Equal(pair.Right.Inode, InodeOfThisThread());
            Assert.Equal(pair.Left.Inode, InodeOfThisThread());
        }
        Assert.Equal(home.Inode, InodeOfThisThread());
    }

    [Fact]
    public void AVisitIsUndoneAndWhatCanNotBeEnteredIsAnError()
    {
        using NamespacePair pair = new();
        ulong before = InodeOfThisThread();
        using HomeNamespace home = HomeNamespace.OfThisThread();
        for (int i = 0; i < 3; i++)
        {
            using (home.Enter(pair.Left, out SocketErrno error)) Assert.Equal((SocketErrno.None, pair.Left.Inode), (error, InodeOfThisThread()));
            Assert.Equal(before, InodeOfThisThread());
        }

        using NetworkNamespace noNamespace = NetworkNamespace.OpenPath("/dev/null");
        using (home.Enter(noNamespace, out SocketErrno error)) Assert.Equal((SocketErrno.InvalidArgument, before), (error, InodeOfThisThread()));
        NetworkNamespace closed = NetworkNamespace.Open(pair.LeftName);
        closed.Dispose();
        using (home.Enter(closed, out SocketErrno error)) Assert.Equal((SocketErrno.BadDescriptor, before), (error, InodeOfThisThread()));
        Assert.Equal(before, InodeOfThisThread());
    }

    [Fact]
    public void OtherThreadsStayWhereTheyAre()
    {
        using NamespacePair pair = new();
        ulong home = InodeOfThisThread();
        using NetworkNamespace.Scope inside = pair.Left.Enter();
        ulong other = 0;
        Thread thread = new(() =>
        {
            using NetworkNamespace main = NetworkNamespace.OfProcess(Environment.ProcessId);
            other = main.Inode;
        });
        thread.Start();
        thread.Join();
        Assert.Equal(home, other);
        Assert.Equal(pair.Left.Inode, InodeOfThisThread());
    }

    [Fact]
    public void NamesAreListedUniqueAndSeenByIproute()
    {
        Requires.Tool("ip");
        using NamespacePair pair = new();
        Assert.Contains(pair.LeftName, NetworkNamespace.List());
        Assert.Contains(pair.LeftName, Command.Run("ip", "netns", "list"), StringComparison.Ordinal);
        Assert.Contains("lo", Command.Run("ip", "-n", pair.LeftName, "link", "show"), StringComparison.Ordinal);
        Assert.Equal(Errno.EEXIST, Assert.Throws<KernelException>(() => NetworkNamespace.Create(pair.LeftName)).Errno);
        using NetworkNamespace again = NetworkNamespace.Open(pair.LeftName);
        Assert.Equal(pair.Left.Inode, again.Inode);
    }

    [Fact]
    public void DeletingWhatIsNotThereIsNoError()
    {
        Assert.False(NetworkNamespace.Delete("cv-nothing-of-that-name"));
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => NetworkNamespace.Open("cv-nothing-of-that-name")).Errno);
        Assert.Throws<ArgumentException>(() => NetworkNamespace.Delete("../etc"));
    }

    [Fact]
    public void SettingsAreThoseOfTheNamespace()
    {
        using NamespacePair pair = new();
        string home = Sysctl.Read("ipv4/ip_forward");
        using (pair.Left.Enter())
        {
            Sysctl.Write("ipv4/ip_forward", "1");
            Assert.Equal("1", Sysctl.Read("ipv4/ip_forward"));
        }
        Assert.Equal("0", pair.Right.Run(() => Sysctl.Read("ipv4/ip_forward")));
        Assert.Equal(home, Sysctl.Read("ipv4/ip_forward"));
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => Sysctl.Write("ipv4/no_such_thing", "1")).Errno);
        Assert.Throws<ArgumentException>(() => Sysctl.Write("../kernel/x", "1"));
    }

    private static ulong InodeOfThisThread()
    {
        using NetworkNamespace current = NetworkNamespace.Current();
        return current.Inode;
    }
}
