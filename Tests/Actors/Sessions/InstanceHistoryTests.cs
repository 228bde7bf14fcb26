using Mesh.Actors.Sessions;
using Mesh.Protocol.Time;

namespace Mesh.Tests.Actors.Sessions;

public sealed class InstanceHistoryTests
{
    InstanceHistory _history = InstanceHistory.Empty;
    WallTime _now = new(1_700_000_000_000);
    string _open = "a";

    [Fact]
    public void A_program_that_comes_back_after_it_was_replaced_lives_beside_a_copy()
    {
        Assert.False(Open("b"));
        Assert.Null(_history.CopiedAt);
        Assert.True(Open("a"));
        Assert.Equal(_now, _history.CopiedAt);
        Assert.True(Open("b"));
        Assert.True(Open("a"));
    }

    [Fact]
    public void A_machine_that_starts_anew_or_changes_streams_is_no_copy()
    {
        for (var start = 0; start < 50; start++)
        {
            Assert.False(Open($"start{start}"));
            Assert.False(Open($"start{start}"));
        }
        Assert.Null(_history.CopiedAt);
    }

    [Fact]
    public void A_third_machine_is_found_as_well_and_what_is_long_ago_forgotten()
    {
        Assert.False(Open("b"));
        Assert.False(Open("c"));
        Assert.True(Open("a"));
        Assert.True(Open("b"));
        _now += InstanceHistory.Remembered + TimeSpan.FromSeconds(1);
        Assert.False(Open("c"));
        Assert.True(Open("b"));
    }

    bool Open(string instance)
    {
        var isCopy = _history.Replace(_open, instance, _now, out _history);
        _open = instance;
        return isCopy;
    }
}
