/*
 * empty.c - a process that does nothing: the floor of every command
 */
int main(void)
{
	return 0;
}
