namespace Mesh.Tests.Engine.Persistence;

// Persist calls made by the handlers of other persist calls.
public abstract partial class PersistentActorSpecBase
{
    [Fact]
    public async Task PersistentActor_should_allow_multiple_Persists_with_nested_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.Persist($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.Persist($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync(
            "a", "a-outer-1", "a-outer-2", "a-inner-1", "a-inner-2", "b", "b-outer-1", "b-outer-2", "b-inner-1", "b-inner-2");
    }

    [Fact]
    public async Task PersistentActor_should_allow_multiple_PersistAsyncs_with_nested_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.PersistAsync($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.PersistAsync($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        var all = await ReceiveTextsAsync(10);
        foreach (var data in (string[])["a", "b"])
        {
            Assert.Equal(
                [data, $"{data}-outer-1", $"{data}-outer-2", $"{data}-inner-1", $"{data}-inner-2"],
                all.Where(text => text.StartsWith(data, StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task PersistentActor_should_allow_deeply_nested_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            Nest(e, cmd, 1);
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync("a", "a-1", "a-2", "a-3", "a-4", "a-5", "a-6", "b", "b-1", "b-2", "b-3", "b-4", "b-5", "b-6");

        static void Nest(Entity e, object data, int depth) => e.Persist($"{data}-{depth}", stored =>
        {
            e.Reply(stored);
            if (depth < 6)
                Nest(e, data, depth + 1);
        });
    }

    [Fact]
    public async Task PersistentActor_should_allow_deeply_nested_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            Nest(e, cmd, 1);
        });
        entity.Tell(new Cmd("a"));
        entity.Tell(new Cmd("b"));
        var all = await ReceiveTextsAsync(14);
        foreach (var data in (string[])["a", "b"])
        {
            Assert.Equal(
                Enumerable.Range(1, 6).Select(i => $"{data}-{i}").Prepend(data), all.Where(text => text.StartsWith(data, StringComparison.Ordinal)));
        }

        static void Nest(Entity e, object data, int depth) => e.PersistAsync($"{data}-{depth}", stored =>
        {
            e.Reply(stored);
            if (depth < 6)
                Nest(e, data, depth + 1);
        });
    }

    [Fact]
    public async Task PersistentActor_should_allow_mixed_nesting_of_PersistAsync_in_Persist_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.Persist($"{cmd}-outer-{i}", outer =>
                {
                    e.Reply(outer);
                    e.PersistAsync($"{cmd}-inner-async-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-1", "a-outer-2", "a-inner-async-1", "a-inner-async-2");
    }

    [Fact]
    public async Task PersistentActor_should_allow_mixed_nesting_of_Persist_in_PersistAsync_calls()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            foreach (var i in (int[])[1, 2])
            {
                e.PersistAsync($"{cmd}-outer-async-{i}", outer =>
                {
                    e.Reply(outer);
                    e.Persist($"{cmd}-inner-{i}", e.Reply);
                });
            }
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-async-1", "a-outer-async-2", "a-inner-1", "a-inner-2");
        entity.Tell(new Cmd("b"));
        await ExpectTextsAsync("b", "b-outer-async-1", "b-outer-async-2", "b-inner-1", "b-inner-2");
    }

    [Fact]
    public async Task PersistentActor_should_make_sure_Persist_retains_promised_semantics_when_nested_in_PersistAsync_callback()
    {
        var entity = Start((e, cmd) =>
        {
            e.Reply(cmd);
            e.PersistAsync($"{cmd}-outer-async", outer =>
            {
                e.Reply(outer);

                // Is in the mailbox before the inner event is stored, and must wait for its handler all the same.
                e.Self.Tell(new Cmd("next"), e.Sender);
                e.Persist($"{cmd}-inner", inner =>
                {
                    e.Reply(inner);
                    e.Become((changed, _) => changed.Reply("done"));
                });
            });
        });
        entity.Tell(new Cmd("a"));
        await ExpectTextsAsync("a", "a-outer-async", "a-inner", "done");
    }
}
