using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence;

public sealed class AtomicWriteSpec
{
    [Fact]
    public void AtomicWrite_must_only_contain_messages_for_the_same_persistence_id()
    {
        Assert.Equal("p1", Write(("p1", 1), ("p1", 2)).PersistenceId);
        Assert.Throws<ArgumentException>(() => Write(("p1", 1), ("p2", 2)));
        Assert.Throws<ArgumentException>(() => Write());
    }

    [Fact]
    public void AtomicWrite_must_have_correct_HighestSequenceNr()
    {
        Assert.Equal(3, Write(("p1", 1), ("p1", 2), ("p1", 3)).HighestSequenceNr);
        Assert.Equal(7, new AtomicWrite(Event("p1", 7)).HighestSequenceNr);
    }

    [Fact]
    public void AtomicWrite_must_have_correct_LowestSequenceNr()
    {
        Assert.Equal(2, Write(("p1", 2), ("p1", 3), ("p1", 4)).LowestSequenceNr);
        Assert.Equal(7, new AtomicWrite(Event("p1", 7)).LowestSequenceNr);
    }

    [Fact]
    public void AtomicWrite_has_the_size_of_its_events() => Assert.Equal(3, Write(("p1", 2), ("p1", 3), ("p1", 4)).Size);

    private static AtomicWrite Write(params (string Id, long Number)[] events) =>
        new(events.Select(each => Event(each.Id, each.Number)).ToImmutableList());

    private static IPersistentRepresentation Event(string id, long number) => new Persistent($"e-{number}", number, id);
}
