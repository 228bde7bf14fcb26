using Mesh.Actors.Cluster;
using Mesh.Actors.Sessions;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

public sealed class WhereaboutsTests
{
    static readonly ControllerId B = TypedId.Create<ControllerId>(new SeededEntropy(1));
    static readonly ControllerId C = TypedId.Create<ControllerId>(new SeededEntropy(2));
    static readonly NodeId Node = TypedId.Create<NodeId>(new SeededEntropy(3));
    static readonly NodeId Other = TypedId.Create<NodeId>(new SeededEntropy(4));

    readonly Whereabouts _where = new();

    [Fact]
    public void What_one_controller_says_late_does_not_undo_what_another_said()
    {
        Assert.True(_where.Take(B, Here(Node, 1), 10));
        Assert.True(_where.Take(C, Here(Node, 2), 10));
        Assert.True(_where.Take(B, Left(Node, 1)));
        Assert.True(_where.IsElsewhere(Node));
        Assert.True(_where.Take(C, Left(Node, 2)));
        Assert.False(_where.IsAnywhere(Node));
    }

    [Fact]
    public void The_end_of_an_older_stream_does_not_end_a_newer_one_at_the_same_controller()
    {
        Assert.True(_where.Take(B, Here(Node, 5), 10));
        Assert.False(_where.Take(B, Left(Node, 4)));
        Assert.False(_where.Take(B, Here(Node, 4), 10));
        Assert.True(_where.IsElsewhere(Node));
        Assert.True(_where.Take(B, Left(Node, 5)));
        Assert.False(_where.Take(B, Left(Node, 5)));
    }

    [Fact]
    public void A_new_link_settles_the_whole_state_and_what_was_known_counts_until_then()
    {
        _where.Begin(B);
        Assert.False(_where.IsWhole(B));
        _where.Take(B, Here(Node, 1), 10);
        _where.Take(B, Here(Other, 1), 10);
        Assert.Empty(_where.Complete(B));
        Assert.True(_where.IsWhole(B));

        _where.Begin(B);
        Assert.True(_where.IsElsewhere(Node));
        _where.Take(B, Here(Other, 1), 10);
        Assert.Equal([Node], _where.Complete(B));
        Assert.False(_where.IsElsewhere(Node));
        Assert.True(_where.IsElsewhere(Other));
        Assert.Equal([Other], _where.Drop(B));
        Assert.Empty(_where.Members);
    }

    [Fact]
    public void Nobody_fills_the_memory_with_nodes_that_are_not_in_the_network()
    {
        var entropy = new SeededEntropy(5);
        var taken = Enumerable.Range(0, 6000).Count(_ => _where.Take(B, Here(TypedId.Create<NodeId>(entropy), 1), 10));
        Assert.Equal(4106, taken);
    }

    static NodeHere Here(NodeId node, long at) => new(node, new WallTime(at), new WallTime(at), 0);

    static NodeLeft Left(NodeId node, long at) => new(node, new WallTime(at), new WallTime(at));
}
